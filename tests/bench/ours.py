"""Our daemon as a subject.

``python -m bench.ours CONFIG run`` is the daemon with a table in memory in place of the kernel's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from bench.subject import Subject
from harness.host import ROOT

INSTALLED = ("ldirectord",)
IN_MEMORY = (sys.executable, "-m", "bench.ours")


class Ours(Subject):
    """``ldirectord CONFIG run``; worker processes are counted with it."""

    name = "ours"

    def command(self) -> Sequence[str]:
        """Return the command as systemd calls it."""
        return (*(INSTALLED if self.ipvs else IN_MEMORY), str(self.file("conf")), "run")

    def environment(self) -> Mapping[str, str]:
        """Return what keeps its files in its folder."""
        return {
            "LDIRECTORD_RUNDIR": str(self.folder),
            "PYTHONPATH": str(ROOT / "tests"),
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        }

    def runs(self) -> bool:
        """Return whether it has read its configuration."""
        return (self.folder / f"ldirectord.{self.name}.conf.pid").exists()

    def configure(self, text: str) -> None:
        """Write the configuration, to which ``logfile`` is added."""
        super().configure(f'logfile = "{self.file("log")}"\n{text}')


def main() -> int:
    """Be the daemon, with a table in memory."""
    from ldirectord_py import cli  # noqa: PLC0415 - only this process needs it
    from ldirectord_py.daemon import run  # noqa: PLC0415 - likewise
    from ldirectord_py.ipvs.kernel import MemoryKernel  # noqa: PLC0415 - likewise

    vars(run)["NetlinkKernel"] = MemoryKernel
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
