"""How often a process that probes stood still, and what it did about that."""

from __future__ import annotations

from typing import Final, NamedTuple


class ProbeCounts(NamedTuple):
    """Stalls while probes were under way, their seconds, and the probes that were repeated, as they ended in doubt."""

    stalls: int = 0
    stalled_seconds: float = 0.0
    repeated: int = 0

    def plus(self, more: ProbeCounts) -> ProbeCounts:
        """Return the sum of both."""
        return ProbeCounts(
            self.stalls + more.stalls, self.stalled_seconds + more.stalled_seconds, self.repeated + more.repeated
        )

    def minus(self, former: ProbeCounts) -> ProbeCounts:
        """Return what has come since these counts were ``former``."""
        return ProbeCounts(
            self.stalls - former.stalls, self.stalled_seconds - former.stalled_seconds, self.repeated - former.repeated
        )


NO_COUNTS: Final = ProbeCounts()
"""Nothing was counted."""
