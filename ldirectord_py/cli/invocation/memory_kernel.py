"""``run --memory-kernel``: a table in memory in place of the kernel's, to try and debug a daemon anywhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ldirectord_py.instance.pid_file import RUNDIR_VARIABLE, STATEDIR_VARIABLE
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.ipvsadm import command
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.line_writer import LineWriter
from ldirectord_py.runtime.thread_writer import ThreadWriter

FLUSH_TIMEOUT: Final = 0.5
"""Seconds that ``aclose`` waits for the commands to be printed."""

STANDARD_OUTPUT: Final = 1

logger = logging.getLogger(__name__)


class PrintingKernel(MemoryKernel):
    """A table in memory that prints each change as the ipvsadm command that would make it.

    A thread prints, so that a standard output that nobody reads delays nothing. Its state: the table, the thread with
    its queue, and why commands cannot be printed now.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines = LineWriter()
        self._fault = OngoingFault()
        self._writer = ThreadWriter[str]("commands", self._print)

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        """Do the ops, print those that were done, and return those that were refused."""
        refused = await super().apply(ops, encoded)
        with suppress(RuntimeError):  # no thread can be started now: the commands wait for one
            self._writer.put("".join(f"{command(op)}\n" for op in self.written))
        self.written.clear()
        return refused

    async def aclose(self) -> None:
        """Print what is queued, for FLUSH_TIMEOUT at most."""
        self._writer.close(FLUSH_TIMEOUT)

    def _print(self, commands: Sequence[str], dropped: int) -> None:
        if dropped:
            logger.warning("%d batches of changes were not printed: standard output was too slow", dropped)
        try:
            self._lines.write(STANDARD_OUTPUT, "".join(commands).encode())
        except OSError as error:
            if self._fault.record(str(error), len(commands)):
                logger.warning("Cannot print the changes: %s", error)
        else:
            self._fault.clear()


def state_folder(run_folder: Path) -> Path:
    """Return the folder for the state file: that of LDIRECTORD_STATEDIR, or else that for pid and lock file."""
    named = os.environ.get(STATEDIR_VARIABLE)
    return Path(named) if named else run_folder


@contextmanager
def run_folder() -> Iterator[Path]:
    """Yield the folder for pid and lock file: that of LDIRECTORD_RUNDIR, or else a temporary one."""
    if named := os.environ.get(RUNDIR_VARIABLE):
        yield Path(named)
        return
    with TemporaryDirectory(prefix="ldirectord.") as folder:
        yield Path(folder)
