"""The states of servers that left the file: whoever is back while its row still drains has the state that it had."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.config.model import CheckType
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledVirtual
from ldirectord_py.damping import FlapHistory, KeptState
from ldirectord_py.health import HealthState
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey


class Departed(NamedTuple):
    """A server that left: its row, its state, and what it did lately if its virtual has ``flapthreshold``.

    ``failed``: its checks had taken it down, so that it is to come back slowly (``slowstart``).
    """

    row: DestinationKey
    state: HealthState
    history: FlapHistory | None = None
    failed: bool = False

    @property
    def state_again(self) -> HealthState:
        """The state with which it comes back, unless it still flaps.

        One that panic kept in is in the table again, until it fails again.
        """
        return HealthState(up=True) if isinstance(self.state, KeptState) else HealthState(*self.state)


class DepartedServers:
    """Its state: the servers that left virtuals with ``drainremoved`` and may come back."""

    def __init__(self) -> None:
        self._servers: dict[DestinationKey, Departed] = {}

    def drop_others(self, rows: Collection[DestinationKey]) -> None:
        """Forget the servers whose rows are none of these."""
        self._servers = {key: departed for key, departed in self._servers.items() if departed.row in rows}

    def add(self, key: DestinationKey, departed: Departed) -> None:
        """Remember a server."""
        self._servers[key] = departed

    def pop_returned(
        self, virtuals: Mapping[ServiceKey, CompiledVirtual], keys: AbstractSet[DestinationKey]
    ) -> Mapping[DestinationKey, Departed]:
        """Return those of these servers that are back, and forget them; none that is up without a check."""
        returned = {key: self._servers.pop(key) for key in keys & self._servers.keys()}
        return {key: each for key, each in returned.items() if _has_checks(virtuals[key.service])}


def departing(
    former: Mapping[ServiceKey, CompiledVirtual], compiled: CompiledConfig, left: Collection[DestinationKey]
) -> Iterator[CompiledReal]:
    """Yield the servers that a configuration lacks and whose rows are ``left`` to drain."""
    for service, before in former.items() if left else ():
        after = compiled.virtuals.get(service)
        if after is None or after is before or not after.virtual.drainremoved:
            continue
        for key, real in before.reals.items():
            if key not in after.reals and real.row in left:
                yield real


def _has_checks(virtual: CompiledVirtual) -> bool:
    return virtual.virtual.checktype is not CheckType.ON
