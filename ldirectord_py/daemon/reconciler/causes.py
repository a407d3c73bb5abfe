"""Which checks caused the changes of rows that are about to be written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager

from ldirectord_py.daemon.reconciler.dirty_set import Scopes
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import Refused
from ldirectord_py.ipvs.table import Destination, DestinationKey, Row, ServiceKey
from ldirectord_py.report.events import Checked, Phase

ByRow = Mapping[DestinationKey, Checked]


class Causes:
    """Keeps the event of the check that may have changed a row, until the row has been compared with the kernel's.

    Its state: these events, and the servers that no check has judged yet, with the phase that brought them.
    """

    def __init__(self) -> None:
        self._events: dict[DestinationKey, Checked] = {}
        self._unjudged: dict[DestinationKey, Phase] = {}

    def begin(self, servers: Iterable[DestinationKey], phase: Phase) -> None:
        """Let the first verdicts on these servers belong to the phase that brings them."""
        self._unjudged |= dict.fromkeys(servers, phase)

    def phase(self, server: DestinationKey) -> Phase:
        """Return the phase that a verdict belongs to; RUN from the second one on."""
        return self._unjudged.pop(server, Phase.RUN)

    def add(self, keys: Iterable[DestinationKey], event: Checked) -> None:
        """Note that these rows may change because of a check; the latest event counts."""
        self._events |= dict.fromkeys(keys, event)

    @contextmanager
    def of(self, scopes: Scopes) -> Iterator[ByRow]:
        """Yield the causes of these rows, and forget them, unless writing the rows raises KernelError."""
        taken = self._take(scopes) if self._events else {}
        try:
            yield taken
        except KernelError:
            self._put_back(taken)
            raise

    def retry(self, refused: Iterable[Refused], causes: ByRow) -> None:
        """Note again the causes of the rows that the kernel refused."""
        if causes:
            keys = {answer.op.row.key for answer in refused}
            self._put_back({key: event for key, event in causes.items() if key in keys})

    def keep(self, services: AbstractSet[ServiceKey], servers: AbstractSet[DestinationKey]) -> None:
        """Forget all other rows and servers."""
        self._events = {key: event for key, event in self._events.items() if key.service in services}
        self._unjudged = {key: phase for key, phase in self._unjudged.items() if key in servers}

    def _take(self, scopes: Scopes) -> dict[DestinationKey, Checked]:
        whole = {service for service, scope in scopes.items() if scope is None}
        keys = {key for scope in scopes.values() if scope is not None for key in scope if key in self._events}
        if whole:
            keys |= {key for key in self._events if key.service in whole}
        return {key: self._events.pop(key) for key in keys}

    def _put_back(self, taken: ByRow) -> None:
        self._events = {**taken, **self._events}  # what came meanwhile counts


def cause(causes: ByRow, row: Row) -> Checked | None:
    """Return why a row changed, if a check did it."""
    return causes.get(row.key) if isinstance(row, Destination) else None
