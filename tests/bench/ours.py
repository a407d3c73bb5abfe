"""Our daemon as a subject: the same to handle as ``bench.keepalived``, with or without an IPVS to write to.

``python -m bench.ours CONFIG run`` is the daemon with a table in memory in place of the kernel's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.process import cpu_seconds, family, pss_bytes
from harness.host import ROOT, program_path
from harness.namespace import end, eventually

NAME = "ours"
START_SECONDS = 60.0
INSTALLED = ("ldirectord",)
IN_MEMORY = (sys.executable, "-m", "bench.ours")


class Ours:
    """Our daemon, running while the block lasts; its files are below ``folder``, ``text`` is the configuration.

    Without ``ipvs`` the kernel's table is left alone: the table is in memory. ``enter`` is put before the command: how
    to get to the network namespace that it is to run in.
    """

    def __init__(self, folder: Path, text: str, enter: Sequence[str] = (), ipvs: bool = False) -> None:
        self.folder = folder
        self._text = text
        self._command = (*enter, *(INSTALLED if ipvs else IN_MEMORY))

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.configure(self._text)
        with self._file("out").open("wb") as output:
            self._process = subprocess.Popen(
                [*self._command, str(self._file("cf")), "run"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={
                    "PATH": program_path(),
                    "LANG": "C.UTF-8",
                    "LDIRECTORD_RUNDIR": str(self.folder),
                    "PYTHONPATH": str(ROOT / "tests"),
                    "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
                },
            )
        try:
            eventually(self._runs, START_SECONDS, self.log)
        except BaseException:
            end(self._process)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._process)

    @property
    def pid(self) -> int:
        """The daemon's process; worker processes are its children."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Return the CPU time that the daemon and its workers have taken so far."""
        return sum(map(cpu_seconds, family(self.pid)))

    def pss_bytes(self) -> int:
        """Return the memory of the daemon and its workers."""
        return sum(map(pss_bytes, family(self.pid)))

    def configure(self, text: str) -> None:
        """Write the configuration, to which ``logfile`` is added; the daemon is told by ``reload``."""
        self._file("cf").write_text(f'logfile = "{self._file("log")}"\n{text}')

    def reload(self) -> None:
        """Send SIGHUP; what comes of it is in the log."""
        os.kill(self.pid, signal.SIGHUP)

    def log(self) -> str:
        """Return what the daemon logged and printed so far."""
        paths = (self._file("out"), self._file("log"))
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

    def _runs(self) -> bool:
        assert self._process.poll() is None, f"our daemon ended:\n{self.log()}"
        return (self.folder / f"ldirectord.{NAME}.cf.pid").exists()

    def _file(self, suffix: str) -> Path:
        return self.folder / f"{NAME}.{suffix}"


def main() -> int:
    """Be the daemon, with a table in memory."""
    from ldirectord_py import cli  # noqa: PLC0415 - only this process needs it
    from ldirectord_py.daemon import run  # noqa: PLC0415 - likewise
    from ldirectord_py.ipvs.kernel import MemoryKernel  # noqa: PLC0415 - likewise

    vars(run)["NetlinkKernel"] = MemoryKernel
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
