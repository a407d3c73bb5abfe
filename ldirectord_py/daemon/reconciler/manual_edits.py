"""The weights and removals that somebody set in the kernel by hand and that are not repaired."""

from __future__ import annotations

from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.ipvs.table import Destination, DestinationKey
from ldirectord_py.report.events import Drifted


class ManualEdits:
    """Its state: the accepted ``weights`` by the kernel's keys, None for a row that was removed."""

    def __init__(self) -> None:
        self.weights: dict[DestinationKey, int | None] = {}

    def record_drift(self, event: Drifted) -> bool:
        """Keep an edit that is not repaired, or end one; return whether the event is to be published."""
        row = event.before or event.found
        if not isinstance(row, Destination):
            return True
        if not event.repaired:
            found = event.found.weight if isinstance(event.found, Destination) else None
            if found != row.weight:
                self.weights[row.key] = found
            return True
        undoes_removal = event.before is None and self.weights.pop(row.key, 0) is None
        return not undoes_removal

    def discard(self, key: DestinationKey) -> None:
        """Remove the edit of this row."""
        self.weights.pop(key, None)

    def keep_unchanged(self, former: CompiledConfig, compiled: CompiledConfig) -> None:
        """Keep the edits of the rows that have the same servers in both configurations."""
        for key in [key for key in self.weights if former.servers(key) != compiled.servers(key)]:
            del self.weights[key]
