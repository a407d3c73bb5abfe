"""A copy of the kernel's table in memory, on which a director can write without effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ldirectord_py.config.model import Virtual
from ldirectord_py.ipvs.kernel import SCHEDULERS, MemoryKernel
from ldirectord_py.ipvs.table import DestinationKey, Row, Service, ServiceKey, Table


def copied_kernel(table: Table, virtuals: Iterable[Virtual]) -> MemoryKernel:
    """Return a kernel in memory that holds the table, and that has every scheduler and engine it is asked for."""
    services = [row for row in table.values() if isinstance(row, Service)]
    schedulers = {*SCHEDULERS, *(row.scheduler for row in services), *(virtual.scheduler for virtual in virtuals)}
    return MemoryKernel(_oldest_first(table), schedulers=schedulers, engines=("sip", *(row.engine for row in services)))


def _oldest_first(table: Table) -> Iterator[Row]:
    """Yield services, each with its destinations in the order in which they were added: a dump has the newest first."""
    destinations: dict[ServiceKey, list[Row]] = {key: [] for key in table if not isinstance(key, DestinationKey)}
    for key, row in table.items():
        if isinstance(key, DestinationKey) and key.service in destinations:
            destinations[key.service].append(row)
    for service, rows in destinations.items():
        yield table[service]
        yield from reversed(rows)
