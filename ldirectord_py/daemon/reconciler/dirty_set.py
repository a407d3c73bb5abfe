"""The rows to compare with the kernel's table: whole services, or only some of their destinations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ldirectord_py.ipvs.table import DestinationKey, Key, ServiceKey, service_of

Scopes = Mapping[ServiceKey, dict[DestinationKey, None] | None]
"""Some destinations of each service; None for all of them."""


class DirtySet:
    """Its state: the services to be compared, in order, each with its scope."""

    def __init__(self, whole: Iterable[ServiceKey] = ()) -> None:
        self._scopes: dict[ServiceKey, dict[DestinationKey, None] | None] = dict.fromkeys(whole)

    def __iter__(self) -> Iterator[ServiceKey]:
        return iter(self._scopes)

    def mark_all(self, services: Iterable[ServiceKey]) -> None:
        """Mark all rows of these services."""
        self._scopes |= dict.fromkeys(services)

    def mark(self, service: ServiceKey, keys: Iterable[DestinationKey]) -> None:
        """Mark these destinations of a service."""
        known = self._scopes.setdefault(service, {})
        if known is not None:
            known |= dict.fromkeys(keys)

    def discard(self, service: ServiceKey) -> None:
        """Unmark a service."""
        self._scopes.pop(service, None)

    def pop_all(self) -> Scopes:
        """Return and clear all marks."""
        scopes, self._scopes = self._scopes, {}
        return scopes

    def put_back(self, scopes: Scopes) -> None:
        """Restore the marks that ``pop_all`` returned, before newer ones."""
        later, self._scopes = self._scopes, dict(scopes)
        for service, keys in later.items():
            if keys is None:
                self.mark_all((service,))
            else:
                self.mark(service, keys)


def covers(scopes: Scopes, key: Key) -> bool:
    """Return whether a row of this key is in one of the scopes; the service itself always is."""
    service = service_of(key)
    if service not in scopes:
        return False
    scope = scopes[service]
    return scope is None or key == service or key in scope
