"""What decides whether a server is up or down: verdicts counted against rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache


class Verdict(Enum):
    """What one probe says about a server."""

    UP = auto()
    DOWN = auto()
    MAINTENANCE = auto()  # an operator took the server out: down at once
    NONE = auto()  # a fault of this host: says nothing about the server


@dataclass(frozen=True, slots=True)
class Rules:
    """How many verdicts in a row change a state: ``fall`` failures (failurecount), ``rise`` successes."""

    fall: int = 1
    rise: int = 1


@dataclass(frozen=True, slots=True)
class HealthState:
    """A server's state, and the verdicts of one kind since the last of the other."""

    up: bool = False
    successes: int = 0
    failures: int = 0

    def after(self, verdict: Verdict, rules: Rules) -> HealthState:
        """Return the state that ``verdict`` leads to; where nothing changes, mostly this very one."""
        match verdict:
            case Verdict.UP:
                successes = min(self.successes + 1, rules.rise)
                return _state(self.up or successes >= rules.rise, successes, 0)
            case Verdict.DOWN:
                failures = min(self.failures + 1, rules.fall)
                return _state(self.up and failures < rules.fall, 0, failures)
            case Verdict.MAINTENANCE:
                return HealthState(up=False, failures=max(self.failures, rules.fall))
            case Verdict.NONE:
                return self


@lru_cache(maxsize=256)
def _state(up: bool, successes: int, failures: int) -> HealthState:
    """Return the one state of these values: there are few, of many servers."""
    return HealthState(up, successes, failures)


@dataclass(frozen=True, slots=True)
class Transition:
    """A step of a HealthState, from before to after; everything else is derived."""

    before: HealthState
    after: HealthState

    @property
    def rose(self) -> bool:
        """Whether the server came up."""
        return self.after.up and not self.before.up

    @property
    def fell(self) -> bool:
        """Whether the server went down."""
        return self.before.up and not self.after.up

    @property
    def first_failure(self) -> bool:
        """Whether a server that is not up fails for the first time since it was last up or passed."""
        return not self.before.up and self.before.failures == 0 and self.after.failures > 0

    @property
    def soft_failure(self) -> bool:
        """Whether a server that is up failed without going down for it."""
        return self.after.up and self.after.failures > self.before.failures

    @property
    def recovered(self) -> bool:
        """Whether a server that is up passed again after soft failures."""
        return self.before.up and self.before.failures > 0 and self.after.failures == 0
