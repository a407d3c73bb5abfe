"""Our daemon as a subject."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from bench.subject import Subject
from harness.guarded_process import guarded_environment
from harness.host import ROOT


class Ours(Subject):
    """``ldirectord CONFIG run``; worker processes are counted with it."""

    name = "ours"

    def command(self) -> Sequence[str]:
        """Return the command as systemd calls it; without ``ipvs`` on a table in memory."""
        return ("ldirectord", str(self.file("conf")), "run", *(() if self.ipvs else ("--memory-kernel",)))

    def environment(self) -> Mapping[str, str]:
        """Return what keeps its files in its folder."""
        return {
            "LDIRECTORD_RUNDIR": str(self.folder),
            "LDIRECTORD_STATEDIR": str(self.folder),
            "PYTHONPATH": str(ROOT / "tests"),
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
            **guarded_environment(),
        }

    def runs(self) -> bool:
        """Return whether it has read its configuration."""
        return (self.folder / f"ldirectord.{self.name}.conf.pid").exists()

    def configure(self, text: str) -> None:
        """Write the configuration, to which ``logfile`` is added."""
        super().configure(f'logfile = "{self.file("log")}"\n{text}')
