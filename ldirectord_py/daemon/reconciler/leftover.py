"""The rows that a start or a reload finds in the kernel and that may belong to host names without an address."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from ldirectord_py.config.model import Fallback, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey
from ldirectord_py.report.events import Unresolved
from ldirectord_py.unresolved import names, presume

Rows = Mapping[Key, Row]


class Leftover:
    """Treats such rows as servers if it is clear how to check them; the others are ``kept`` as they are.

    Its state: the keys of the rows that are ``kept`` and of those that became servers, and what was reported of them.
    """

    def __init__(self) -> None:
        self.kept: frozenset[DestinationKey] = frozenset()
        self._presumed: frozenset[DestinationKey] = frozenset()
        self._reported: frozenset[tuple[tuple[object, ...], ...]] = frozenset()

    def adopt(
        self,
        former: CompiledConfig,
        new: CompiledConfig,
        rows_of: Callable[[ServiceKey], Rows],
        publish: Callable[[Unresolved], None],
    ) -> CompiledConfig:
        """Return the new configuration with servers for the rows that may belong to unresolved names.

        ``rows_of`` returns the kernel's rows. ``publish`` is called once for a virtual, and again when its rows change.
        """
        left = {
            virtual.key: list(self._find(virtual, former, new, rows_of(virtual.key)))
            for virtual in new.config.virtuals
            if virtual.unresolved
        }
        left = {key: rows for key, rows in left.items() if rows}
        if left:
            new = _with({key: presume(new.virtuals[key].virtual, rows) for key, rows in left.items()}, former, new)
        keys = frozenset(row.key for rows in left.values() for row in rows)
        self._presumed = frozenset(key for key in keys if new.servers(key))
        self.kept = keys - self._presumed
        for event in self._new_events(new):
            publish(event)
        return new

    def _new_events(self, compiled: CompiledConfig) -> list[Unresolved]:
        """Return an event for each virtual with such rows, unless the last call returned an equal one."""
        events = {}
        for service in dict.fromkeys(key.service for key in (*self._presumed, *self.kept)):
            checked, unchecked = _keys_of(service, self._presumed), _keys_of(service, self.kept)
            virtual = compiled.virtuals[service].virtual
            event = Unresolved(virtual, tuple(names(virtual)), checked, unchecked)
            events[event.names, checked, unchecked] = event
        reported, self._reported = self._reported, frozenset(events)
        return [event for content, event in events.items() if content not in reported]

    def rows(self, scopes: Collection[ServiceKey], rows_of: Callable[[ServiceKey], Rows]) -> dict[Key, Row]:
        """Return the kept rows of these services, as the kernel has them."""
        kept = [key for key in self.kept if key.service in scopes]
        return {key: row for key in kept if (row := rows_of(key.service).get(key)) is not None}

    def exclude(self, rows: Rows) -> Rows:
        """Return the rows without the kept ones, which others may change."""
        return {key: row for key, row in rows.items() if key not in self.kept} if self.kept else rows

    def _find(self, virtual: Virtual, former: CompiledConfig, new: CompiledConfig, held: Rows) -> Iterator[Destination]:
        """Yield the rows of a virtual that belong to none of its servers; rows of presumed servers as if these were up.

        A row that belonged to another server before does not belong to an unresolved name, unless that name is new: it
        may be a new name of the same server.
        """
        found = {row.key: row for row in held.values() if isinstance(row, Destination)}
        not_up = {
            key for key in self._presumed if key.service == virtual.key and not (key in found and found[key].weight)
        }
        found |= {key: row for key in not_up if (row := _row(former, key)) is not None}
        fresh = _named(virtual) - _named(former.virtual(virtual.key))
        for key, row in found.items():
            known = key in self._presumed or key in self.kept
            if not new.servers(key) and (known or fresh or not former.servers(key)):
                yield row


def _named(virtual: Virtual | None) -> frozenset[str | None]:
    """Return the names of a virtual's servers."""
    servers = (*virtual.reals, *virtual.unresolved) if virtual else ()
    return frozenset("" if isinstance(server, Fallback) else server.name for server in servers)


def _row(compiled: CompiledConfig, key: DestinationKey) -> Destination | None:
    """Return the row of a server in use."""
    slot = compiled.virtuals[key.service].rows.slots[key]
    return slot.reals[0].row_up if slot.reals else slot.fallback


def _with(virtuals: Mapping[ServiceKey, Virtual], former: CompiledConfig, new: CompiledConfig) -> CompiledConfig:
    """Return the new configuration with other virtuals; a virtual that equals a former one is the same object."""
    config = replace(new.config, virtuals=tuple(virtuals.get(each.key, each) for each in new.config.virtuals))
    known = {key: former.virtuals[key] for key in virtuals if key in former.virtuals}
    return compile_config(config, new.kinds, replace(new, virtuals={**new.virtuals, **known}))


def _keys_of(service: ServiceKey, keys: Collection[DestinationKey]) -> tuple[DestinationKey, ...]:
    return tuple(sorted(key for key in keys if key.service == service))
