"""A copy of the kernel's table in memory, on which a director can write without effect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ldirectord_py.config.model import Virtual
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import SCHEDULERS, Kernel, MemoryKernel
from ldirectord_py.ipvs.table import DestinationKey, Row, Service, ServiceKey, Table


class CopiedKernel(MemoryKernel):
    """A table in memory; its connections are those of the ``original``, where it has one."""

    original: Kernel | None = None

    async def connections(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        """Return how many connections the original counts for our destinations, 0 for those that it does not have.

        While it cannot count them, each has one: its director does not remove rows then either.
        """
        own = await super().connections(services)
        if self.original is None:
            return own
        try:
            counted = await self.original.connections(services)
        except KernelError:  # our own table is in reach
            return dict.fromkeys(own, 1)
        return {key: counted.get(key, 0) for key in own}


def copied_kernel(table: Table, virtuals: Iterable[Virtual]) -> CopiedKernel:
    """Return a kernel in memory that holds the table, and that has every scheduler and engine it is asked for."""
    services = [row for row in table.values() if isinstance(row, Service)]
    schedulers = {*SCHEDULERS, *(row.scheduler for row in services), *(virtual.scheduler for virtual in virtuals)}
    return CopiedKernel(_oldest_first(table), schedulers=schedulers, engines=("sip", *(row.engine for row in services)))


def _oldest_first(table: Table) -> Iterator[Row]:
    """Yield services, each with its destinations in the order in which they were added: a dump has the newest first."""
    destinations: dict[ServiceKey, list[Row]] = {key: [] for key in table if not isinstance(key, DestinationKey)}
    for key, row in table.items():
        if isinstance(key, DestinationKey) and key.service in destinations:
            destinations[key.service].append(row)
    for service, rows in destinations.items():
        yield table[service]
        yield from reversed(rows)
