"""Remembers which verdict caused the change of a row, until the row is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

from ldirectord_py.daemon.reconciler.dirty_set import Scopes
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import Refused
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
from ldirectord_py.report.events import Checked

CausesByRow = Mapping[DestinationKey, Checked]


class Causes:
    """Keeps the verdict that may have changed a row until the row has been compared with the kernel's."""

    def __init__(self) -> None:
        self._events: dict[DestinationKey, Checked] = {}

    def add(self, rows: Iterable[DestinationKey], event: Checked) -> None:
        """Record that these rows may change because of a verdict; it replaces earlier ones."""
        self._events |= dict.fromkeys(rows, event)

    @contextmanager
    def popped(self, scopes: Scopes) -> Iterator[CausesByRow]:
        """Remove and yield the causes of these rows; a KernelError in the block puts them back."""
        causes = self._pop(scopes) if self._events else {}
        try:
            yield causes
        except KernelError:
            self._put_back(causes)
            raise

    def put_back_refused(self, refused: Iterable[Refused], causes: CausesByRow) -> None:
        """Put back the causes of the rows that the kernel refused."""
        if causes:
            keys = {refusal.op.row.key for refusal in refused}
            self._put_back({key: event for key, event in causes.items() if key in keys})

    def keep(self, services: AbstractSet[ServiceKey]) -> None:
        """Remove the causes of all other services."""
        self._events = {key: event for key, event in self._events.items() if key.service in services}

    def _pop(self, scopes: Scopes) -> dict[DestinationKey, Checked]:
        whole = {service for service, scope in scopes.items() if scope is None}
        keys = {key for scope in scopes.values() if scope is not None for key in scope if key in self._events}
        if whole:
            keys |= {key for key in self._events if key.service in whole}
        return {key: self._events.pop(key) for key in keys}

    def _put_back(self, causes: CausesByRow) -> None:
        self._events = {**causes, **self._events}  # verdicts since then count
