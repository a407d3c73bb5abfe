"""What somebody changed in the kernel by hand and is left so."""

from __future__ import annotations

from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.ipvs.table import Destination, DestinationKey
from ldirectord_py.report.events import Drifted


class ManualEdits:
    """Its state: the ``weights`` that somebody set, None for a row that was removed."""

    def __init__(self) -> None:
        self.weights: dict[DestinationKey, int | None] = {}

    def accept(self, event: Drifted) -> bool:
        """Leave what may be left so; return whether the event is worth telling."""
        row = event.before or event.found
        if not isinstance(row, Destination):
            return True
        if not event.mended:
            found = event.found.weight if isinstance(event.found, Destination) else None
            if found != row.weight:
                self.weights[row.key] = found
            return True
        put_back = event.before is None and self.weights.pop(row.key, 0) is None  # what was removed by hand
        return not put_back

    def discard(self, key: DestinationKey) -> None:
        """Leave a row no longer as somebody made it."""
        self.weights.pop(key, None)

    def keep_unchanged(self, former: CompiledConfig, compiled: CompiledConfig) -> None:
        """Forget the rows whose servers have changed from one configuration to the next."""
        for key in [key for key in self.weights if former.servers(key) != compiled.servers(key)]:
            del self.weights[key]
