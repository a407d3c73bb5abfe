"""Servers whose state does not simply follow their checks: those that flap stay out, those that panic keeps stay in."""

from __future__ import annotations

from typing import Final, NamedTuple

from ldirectord_py.health import HealthState, Rules, Verdict

MIN_CALM_TIME: Final = 60.0
"""Seconds for which enough servers have to be up at least until a panic is over."""


class FlapRules(NamedTuple):
    """A server flaps that changed its state ``threshold`` times within ``window`` seconds."""

    threshold: int
    window: float


class FlappingState(HealthState):
    """The state of a server that flaps: failures take it out, and no success brings it in.

    Each success gives another state, so that FlapDamper sees it and decides whether the server was good long enough.
    """

    __slots__ = ()

    def after(self, verdict: Verdict, rules: Rules) -> HealthState:
        """Return the state after ``verdict``."""
        match verdict:
            case Verdict.UP:
                return FlappingState(self.up, self.successes + 1)
            case Verdict.DOWN:
                failures = min(self.failures + 1, rules.fall)
                return FlappingState(self.up and failures < rules.fall, failures=failures)
            case _:
                return super().after(verdict, rules)


class FlapHistory(NamedTuple):
    """What a server did lately: the times of its ``changes``, the oldest first, and whether it flaps.

    ``checked``: the state that its checks alone would give it; ``good_since``: since when it is up by that.
    """

    changes: tuple[float, ...] = ()
    flapping: bool = False
    checked: HealthState = HealthState()
    good_since: float | None = None

    def changed(self, checked: HealthState, now: float, rules: FlapRules) -> FlapHistory:
        """Return the history after a server that does not flap came up or went down."""
        recent = [at for at in self.changes if now - at < rules.window]
        changes = (*recent, now)[-rules.threshold :]
        return FlapHistory(changes, len(changes) >= rules.threshold, checked, now if checked.up else None)

    def observed(self, verdict: Verdict, now: float, rules: FlapRules, counts: Rules) -> FlapHistory:
        """Return the history after a verdict on a server that flaps; ``counts``: how many verdicts change a state."""
        checked = self.checked.after(verdict, counts)
        if not checked.up:
            return self._replace(checked=checked, good_since=None)
        since = now if self.good_since is None else self.good_since
        if verdict is Verdict.UP and now - since >= rules.window:  # a first failure lets no server in
            return FlapHistory(checked=checked, good_since=since)
        return self._replace(checked=checked, good_since=since)


class KeptState(HealthState):
    """The state of a server that panic keeps in although its checks have taken it down: up, but only in the table.

    Each failure gives another state, so that HealthTracker sees it and decides whether the server is kept in further.
    """

    __slots__ = ()

    def after(self, verdict: Verdict, rules: Rules) -> HealthState:
        """Return the state after ``verdict``: the normal one, up, after as many successes as a server needs."""
        match verdict:
            case Verdict.UP if self.successes + 1 >= rules.rise:
                return HealthState(up=True, successes=rules.rise)
            case Verdict.UP:
                return KeptState(up=True, successes=self.successes + 1)
            case Verdict.DOWN:
                return KeptState(up=True, failures=self.failures + 1)
            case _:
                return super().after(verdict, rules)


def by_checks(state: HealthState) -> HealthState:
    """Return the state that the checks alone have led to: that of a kept server is down."""
    return HealthState(False, *state[1:]) if isinstance(state, KeptState) else state


def too_few(good: int, total: int, percent: int) -> bool:
    """Return whether fewer than this share of a virtual's servers are good."""
    return good * 100 < percent * total


def calm_time(interval: float, failures: int) -> float:
    """Return for how many seconds enough servers have to be up until their panic is over.

    In that time a check every ``interval`` seconds takes a server down that needs so many ``failures``.
    """
    return max(MIN_CALM_TIME, (failures + 1) * interval)
