"""The kernel's table of a director with all values of its rows, of which /proc has only some; without ipvsadm."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from harness.lab.director import Director
from ldirectord_py.ipvs.diff import diff
from ldirectord_py.ipvs.netlink.client import NetlinkKernel
from ldirectord_py.ipvs.table import Table


class KernelTable:
    """Reads and fills it; its sockets are closed after the block."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._runner = asyncio.Runner()
        self._kernel = NetlinkKernel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._runner:
            self._runner.run(self._kernel.aclose())

    def read(self) -> Table:
        """Return the table."""
        with self._director.entered():
            return self._runner.run(self._kernel.read())

    def fill(self, table: Table) -> None:
        """Add these rows to an empty table."""
        with self._director.entered():
            refused = self._runner.run(self._kernel.apply(diff({}, table)))
        assert not refused, refused[:5]
