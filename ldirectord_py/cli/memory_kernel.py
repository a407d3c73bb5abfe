"""``run --memory-kernel``: a table in memory in place of the kernel's, to try and debug a daemon anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ldirectord_py.instance.pid_file import RUNDIR_VARIABLE
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.ipvsadm import command
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows


class PrintingKernel(MemoryKernel):
    """A table in memory that prints each change as the ipvsadm command that would make it."""

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        """Do the ops, print those that were done, and return those that were refused."""
        refused = await super().apply(ops, encoded)
        print("".join(f"{command(op)}\n" for op in self.written), end="", flush=True)
        self.written.clear()
        return refused


@contextmanager
def run_folder() -> Iterator[Path]:
    """Yield the folder for pid and lock file: that of LDIRECTORD_RUNDIR, or else a temporary one."""
    if named := os.environ.get(RUNDIR_VARIABLE):
        yield Path(named)
        return
    with TemporaryDirectory(prefix="ldirectord.") as folder:
        yield Path(folder)
