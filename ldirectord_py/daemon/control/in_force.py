"""Which configuration is in force, and since when."""

from __future__ import annotations

import time
from collections.abc import Callable

from ldirectord_py.config.parse import Parsed
from ldirectord_py.report.events import ConfigInForce, Event
from ldirectord_py.runtime.times import iso_time


class InForce:
    """Listens for configurations that come into force. Its state: their number, the hash of the last one, its time."""

    def __init__(self, loaded: Callable[[], Parsed]) -> None:
        self.generation = 0
        self.config_hash = loaded().digest
        self.since = time.time()
        self._loaded = loaded

    def __call__(self, event: Event) -> None:
        """Count a configuration that came into force."""
        if isinstance(event, ConfigInForce):
            self.generation += 1
            self.config_hash = self._loaded().digest
            self.since = time.time()

    def fields(self) -> dict[str, object]:
        """Return the fields that every answer has."""
        return {"as_of": iso_time(time.time()), "generation": self.generation, "config_hash": self.config_hash}
