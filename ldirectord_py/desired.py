"""The rows that the kernel's table should hold: a function of configuration, states of servers, manual edits.

Only this module translates between the vocabularies of ldirectord.cf and of the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from ldirectord_py.administration import AdministrativeState
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import NO_ENGINE, CheckType, Config, Fallback, Forward, Real, Virtual
from ldirectord_py.health import HealthState, Rules
from ldirectord_py.ipvs.table import (
    NO_FLAGS,
    Destination,
    DestinationKey,
    Key,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    Table,
    VirtualAddress,
)
from ldirectord_py.ipvs.table import ForwardMethod as Method
from ldirectord_py.slow_start import ALL_WHOLE, Tenths, partial_weight

Health = Mapping[DestinationKey, HealthState]
"""The state of each real server by its ``real_key``."""

Administration = Mapping[DestinationKey, AdministrativeState]
"""The real servers that an operator has drained or disabled, by their ``real_key``."""

NOTHING_ADMINISTERED: Final[Administration] = {}
"""Every server is ready."""

ManualWeights = Mapping[DestinationKey, int | None]
"""The accepted manual changes of rows: a weight, or None for a row that was removed."""


class ServerStates(NamedTuple):
    """What is known of the servers: their health, what operators did to them, and which have part of their weight."""

    health: Health
    administration: Administration = NOTHING_ADMINISTERED
    tenths: Tenths = ALL_WHOLE


_METHODS = {Forward.GATE: Method.ROUTE, Forward.MASQ: Method.MASQUERADE, Forward.IPIP: Method.TUNNEL}

_SCHEDULER_FLAGS = {
    "flag-1": ServiceFlag.SCHED_1,
    "flag-2": ServiceFlag.SCHED_2,
    "flag-3": ServiceFlag.SCHED_3,
    "sh-fallback": ServiceFlag.SCHED_1,
    "sh-port": ServiceFlag.SCHED_2,
    "mh-fallback": ServiceFlag.SCHED_1,
    "mh-port": ServiceFlag.SCHED_2,
}


def desired(
    config: Config,
    health: Health,
    manual: ManualWeights,
    administration: Administration = NOTHING_ADMINISTERED,
    tenths: Tenths = ALL_WHOLE,
) -> Table:
    """Return all rows that the configuration asks for now."""
    by_virtual = (rows(virtual, health, manual, administration, tenths) for virtual in config.virtuals)
    return {key: row for table in by_virtual for key, row in table.items()}


def adopt(virtual: Virtual, table: Table) -> dict[DestinationKey, HealthState]:
    """Return the initial states of a virtual's real servers: up with ``checktype=on`` or weight in ``table``."""
    return {
        real_key(virtual, real): HealthState(up=is_up_at_start(virtual, table.get(row_key(virtual, real))))
        for real in virtual.reals
    }


def is_up_at_start(virtual: Virtual, row: Row | None) -> bool:
    """Return whether a real server counts as up before its first verdict; ``row``: what the kernel has of it."""
    return virtual.checktype is CheckType.ON or (isinstance(row, Destination) and row.weight > 0)


def real_keys(config: Config) -> set[DestinationKey]:
    """Return the identities of all real servers."""
    return {real_key(virtual, real) for virtual in config.virtuals for real in virtual.reals}


def real_key(virtual: Virtual, real: Real) -> DestinationKey:
    """Return the identity of a real server within its virtual: its address and port as configured."""
    return DestinationKey(virtual.key, real.server, real.port)


def row_key(virtual: Virtual, server: Real | Fallback) -> DestinationKey:
    """Return the kernel's key of a server.

    Linux sends gate and ipip packets to the port of the service and ignores that of the row, so both are the same here.
    """
    return DestinationKey(virtual.key, server.server, _port(virtual, server))


def _port(virtual: Virtual, server: Real | Fallback) -> int:
    if isinstance(virtual.key, VirtualAddress) and (server.forward is not Forward.MASQ or not server.port):
        return virtual.key.port
    return server.port


def rows(
    virtual: Virtual,
    health: Health,
    manual: ManualWeights,
    administration: Administration = NOTHING_ADMINISTERED,
    tenths: Tenths = ALL_WHOLE,
) -> dict[Key, Row]:
    """Return the rows of one virtual: its service, its servers, and its fallback while no server is up.

    A server that is drained or disabled does not count as up.
    """
    keys = (real_key(virtual, real) for real in virtual.reals)
    all_down = not any(health[key].up for key in keys if key not in administration)
    return virtual_rows(virtual).rows(ServerStates(health, administration, tenths), manual, all_down=all_down)


class DestinationSlot(NamedTuple):
    """A destination that a virtual may have: its real servers, in the order of the file, and its possible rows.

    The row is ``down`` while none of these servers is up, and ``fallback`` while no server of the virtual is up; None:
    there is no row.
    """

    reals: tuple[CompiledReal, ...] = ()
    down: Destination | None = None
    fallback: Destination | None = None

    def row(self, states: ServerStates, *, all_down: bool) -> Destination | None:
        """Return the row asked for now; ``all_down``: no server of the virtual is up."""
        health, tenths = states.health, states.tenths
        for real in self.reals:
            if health[real.key].up:
                return _risen(real.row_up, tenths[real.key]) if tenths and real.key in tenths else real.row_up
        return self.fallback if all_down and self.fallback else self.down

    def administered_row(self, states: ServerStates, *, all_down: bool) -> Destination | None:
        """Return the row asked for now, of which some servers are drained or disabled.

        The others decide, if there are any. A drained server has weight 0, whether it is up or down.
        """
        administration = states.administration
        ready = tuple(real for real in self.reals if real.key not in administration)
        others = DestinationSlot(ready, self.down, self.fallback)
        if ready and (row := others.row(states, all_down=all_down)) is not None:
            return row
        drained = (real for real in self.reals if administration.get(real.key) is AdministrativeState.DRAIN)
        return next((real.row_up._replace(weight=0) for real in drained), None)

    def is_administered(self, administration: Administration) -> bool:
        """Return whether a server of this row is drained or disabled."""
        return any(real.key in administration for real in self.reals)


@dataclass(frozen=True, slots=True)
class VirtualRows:
    """All rows that a virtual may ask for, made once: its service, and its destination slots by the kernel's keys.

    ``reals`` are its real servers, in the order of the file.
    """

    service: Service
    reals: tuple[CompiledReal, ...]
    slots: Mapping[DestinationKey, DestinationSlot]
    fallback: DestinationKey | None = None

    def rows(
        self,
        states: ServerStates,
        manual: ManualWeights,
        *,
        all_down: bool,
        only: Iterable[DestinationKey] | None = None,
    ) -> dict[Key, Row]:
        """Return the rows asked for now, or of these the service and ``only`` the given destinations.

        ``all_down``: no server of the virtual is up. A drained or disabled server's row has no manual edits.
        """
        table: dict[Key, Row] = {self.service.key: self.service}
        administration = states.administration
        slots = self.slots.items() if only is None else ((key, self.slots.get(key, _NO_SLOT)) for key in only)
        for key, slot in slots:
            if administration and slot.is_administered(administration):
                row = slot.administered_row(states, all_down=all_down)
            else:
                row = slot.row(states, all_down=all_down)
                if row is not None and manual and key in manual:
                    row = _with_manual_weight(row, manual[key])
            if row is not None:
                table[key] = row
        return table

    def administered(self, administration: Administration) -> frozenset[Key]:
        """Return the keys of the rows of which a server is drained or disabled."""
        if not administration:
            return frozenset()
        return frozenset(key for key, slot in self.slots.items() if slot.is_administered(administration))


_NO_SLOT = DestinationSlot()


def virtual_rows(virtual: Virtual) -> VirtualRows:
    """Return the rows of a virtual; the last server comes first, which is the order of additions."""
    reals, slots = _compile_reals(virtual), dict[DestinationKey, DestinationSlot]()
    for real in reversed(reals):
        slot = slots.get(real.row, _NO_SLOT)
        down = slot.down or (real.row_up._replace(weight=0) if virtual.quiescent else None)
        slots[real.row] = DestinationSlot((real, *slot.reals), down)
    if virtual.fallback is None:
        return VirtualRows(service(virtual), reals, slots)
    key = row_key(virtual, virtual.fallback)
    slot, row = slots.get(key, _NO_SLOT), Destination(key, _METHODS[virtual.fallback.forward], 1)
    slots[key] = DestinationSlot(slot.reals, slot.down, row)
    return VirtualRows(service(virtual), reals, slots, key)


def _compile_reals(virtual: Virtual) -> tuple[CompiledReal, ...]:
    """Return the real servers of a virtual; without checks, the end of a maintenance is one success."""
    rules = Rules(virtual.failurecount, 1 if virtual.checktype is CheckType.ON else virtual.successcount)
    keys = (real_key(virtual, real) for real in virtual.reals)
    return tuple(
        CompiledReal(key, _row_while_up(virtual, real, key), virtual, real, rules)
        for key, real in zip(keys, virtual.reals, strict=True)
    )


def forwarding_method(server: Real | Fallback) -> Method:
    """Return the kernel's forwarding method for a server."""
    return _METHODS[server.forward]


def _row_while_up(virtual: Virtual, real: Real, identity: DestinationKey) -> Destination:
    """Return the row of a real server that is up."""
    same = _port(virtual, real) == real.port
    key = identity if same else row_key(virtual, real)  # one object for both: its look-ups are faster
    return Destination(key, _METHODS[real.forward], real.weight, real.upper, real.lower)


def _risen(row: Destination, tenths: int) -> Destination:
    return row._replace(weight=partial_weight(row.weight, tenths))


def _with_manual_weight(row: Destination, weight: int | None) -> Destination | None:
    return None if weight is None else row._replace(weight=weight)


def service(virtual: Virtual) -> Service:
    """Return the service row of a virtual."""
    flags = _scheduler_flags(virtual.schedflags)
    if virtual.persistent is not None:
        flags |= ServiceFlag.PERSISTENT
    if virtual.ops and virtual.protocol is Protocol.UDP:
        flags |= ServiceFlag.ONE_PACKET
    mask = _mask(virtual.netmask if virtual.persistent is not None else None, ipv6=virtual.key.ipv6)
    engine = "" if virtual.pe in {None, NO_ENGINE} else virtual.pe
    return Service(virtual.key, virtual.scheduler, flags, virtual.persistent or 0, mask, engine, virtual.pe is None)


def _scheduler_flags(words: str | None) -> ServiceFlag:
    flags = NO_FLAGS
    for word in re.split(r"[\s,]+", words or ""):
        flags |= _SCHEDULER_FLAGS.get(word, NO_FLAGS)
    return flags


def _mask(netmask: str | None, *, ipv6: bool) -> int:
    if ipv6:
        return int(netmask or 128)
    return int(IPv4Address(netmask or "255.255.255.255"))
