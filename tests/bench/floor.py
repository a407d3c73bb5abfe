"""The floor under the cost of a check: the same checks by a bare C program on epoll, built by the first benchmark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from bench.subject import Subject
from harness.host import ROOT
from harness.lab.namespace import command

SOURCE: Final = Path(__file__).with_name("floor.c")
PROGRAM: Final = ROOT / ".cache" / "bench" / "floor"

PEER: Final = "bare C on epoll"

Kind = Literal["tcp", "http", "https"]


class Floor(Subject):
    """The program; it checks the first ``servers`` addresses of a farm every ``interval`` seconds."""

    name = "floor"

    def __init__(self, folder: Path, kind: Kind, port: int, servers: int, interval: float) -> None:
        super().__init__(folder, "")
        self._arguments = (kind, str(port), str(servers), f"{interval:g}")

    def command(self) -> Sequence[str]:
        """Return the program with its arguments; it is built where its source is newer."""
        return (str(build()), *self._arguments)


def build() -> Path:
    """Return the program, as its source is now."""
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        made = PROGRAM.with_suffix(f".{os.getpid()}")
        command("gcc", "-O2", "-Wall", "-Werror", "-o", str(made), str(SOURCE), "-lssl", "-lcrypto")
        made.replace(PROGRAM)
    return PROGRAM
