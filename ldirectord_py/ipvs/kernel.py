"""The interface to the kernel's table, and an implementation in memory."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Protocol

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.refusal import Refused, refused, validate
from ldirectord_py.ipvs.table import (
    NOT_ENCODED,
    Destination,
    DestinationKey,
    EncodedRows,
    Row,
    Service,
    ServiceKey,
    Table,
    Usage,
)

__all__ = ["SCHEDULERS", "Kernel", "MemoryKernel", "Refused"]

SCHEDULERS = frozenset(("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "ovf", "fo", "twos"))
"""The schedulers of Linux 6."""


class Kernel(Protocol):
    """A kernel with an IPVS table."""

    async def read(self) -> Table:
        """Return one consistent table, services before their destinations; KernelError when there is none."""
        ...

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        """Write the ops in one batch and return those that were refused, in their order.

        The others are done. Rows of ``encoded`` need neither be validated nor encoded again. KernelError when nothing
        can be written now.
        """
        ...

    async def connections(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        """Return how many connections and persistent clients the destinations of these services have.

        KernelError when they cannot be counted now.
        """
        ...

    async def usage(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, Usage]:
        """Return the weight and the connections of the destinations of these services, as of now; KernelError."""
        ...

    async def set_expiry(self, *, on: bool) -> Collection[str]:
        """End what clients have with servers that are gone or down (``on``), or let it be; return the changed settings.

        KernelError when they cannot be set.
        """
        ...

    async def aclose(self) -> None:
        """Release its resources; a later call opens them again."""
        ...


@dataclass(slots=True)
class _HeldService:
    """A service and its destinations, the oldest first."""

    row: Service
    destinations: dict[DestinationKey, Destination] = field(default_factory=dict)


class MemoryKernel:
    """A table in memory that refuses the ops that Linux refuses, for the same reasons.

    Its state is the table, ``written`` (every op that was done, in order) and ``expiry`` as set last. Its users may set
    ``connected`` (the connections of a destination) and two faults: ``refusing`` (an errno for each key whose ops fail)
    and ``broken`` (raised by every call).
    """

    def __init__(
        self,
        rows: Iterable[Row] = (),
        *,
        schedulers: Iterable[str] = SCHEDULERS,
        engines: Iterable[str] = ("sip",),
    ) -> None:
        self.written: list[Op] = []
        self.connected: dict[DestinationKey, int] = {}
        self.refusing: dict[object, int] = {}
        self.broken: KernelError | None = None
        self.expiry: bool | None = None
        self._schedulers = frozenset(schedulers)
        self._engines = frozenset(engines) | {""}
        self._services: dict[ServiceKey, _HeldService] = {}
        for row in rows:
            self._execute(Op(Verb.ADD, row))

    @property
    def table(self) -> Table:
        """Return the table in the order of a dump: the destinations of a service newest first."""
        table: dict[ServiceKey | DestinationKey, Row] = {}
        for key, held in self._services.items():
            table[key] = held.row
            table.update(reversed(held.destinations.items()))
        return table

    async def read(self) -> Table:
        """Return the table; raise ``broken``."""
        self._raise_broken()
        return self.table

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        """Do the ops one by one and return those that were refused; raise ``broken``."""
        self._raise_broken()
        answers = [(op, validate(op) or self._try(op)) for op in ops]
        return [answer if isinstance(answer, Refused) else refused(op, answer) for op, answer in answers if answer]

    async def connections(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        """Return ``connected`` for the destinations of these services, 0 for each without; raise ``broken``."""
        return {key: used.connections for key, used in (await self.usage(services)).items()}

    async def usage(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, Usage]:
        """Return the weight of the destinations of these services, and ``connected`` as active; raise ``broken``."""
        self._raise_broken()
        held = [self._services[key] for key in services if key in self._services]
        found = {key: Usage(row.weight) for each in held for key, row in each.destinations.items()}
        connected = {key: count for key, count in self.connected.items() if key in found}
        return found | {key: found[key]._replace(active=count) for key, count in connected.items()}

    async def set_expiry(self, *, on: bool) -> Collection[str]:
        """Keep ``expiry``; no setting of this host changes. Raises ``broken``."""
        self._raise_broken()
        self.expiry = on
        return ()

    async def aclose(self) -> None:
        """Do nothing: there are no resources to release, and the table stays."""

    def _raise_broken(self) -> None:
        if self.broken is not None:
            raise self.broken

    def _try(self, op: Op) -> int:
        error = self.refusing.get(op.row.key, 0) or self._row_error(op)
        if not error:
            self._execute(op)
            self.written.append(op)
        return error

    def _row_error(self, op: Op) -> int:
        """Return the errno with which Linux refuses the op, 0 for none."""
        if isinstance(op.row, Service):
            return self._service_error(op.verb, op.row)
        return self._destination_error(op.verb, op.row)

    def _service_error(self, verb: Verb, row: Service) -> int:
        present = row.key in self._services
        if verb is Verb.ADD and present:
            return errno.EEXIST
        if verb is not Verb.ADD and not present:
            return errno.ESRCH
        known = row.scheduler in self._schedulers and row.engine in self._engines
        return 0 if known or verb is Verb.DELETE else errno.ENOENT

    def _destination_error(self, verb: Verb, row: Destination) -> int:
        held = self._services.get(row.key.service)
        if held is None:
            return errno.ESRCH
        present = row.key in held.destinations
        if verb is not Verb.ADD:
            return 0 if present else errno.ENOENT
        if present:
            return errno.EEXIST
        return 0 if _accepts_address(row) else errno.EINVAL

    def _execute(self, op: Op) -> None:
        match op:
            case Op(Verb.DELETE, Service(key)):
                del self._services[key]
            case Op(Verb.DELETE, Destination(key)):
                del self._services[key.service].destinations[key]
            case Op(_, Service() as row):
                self._services.setdefault(row.key, _HeldService(row)).row = row
            case Op(_, Destination() as row):
                self._services[row.key.service].destinations[row.key] = row


def _accepts_address(row: Destination) -> bool:
    """Return whether Linux accepts the address as a destination."""
    address = row.key.address
    broadcast = address == IPv4Address("255.255.255.255")
    link_local = address.version == 6 and address.is_link_local
    return not (address.is_multicast or address.is_unspecified or broadcast or link_local)
