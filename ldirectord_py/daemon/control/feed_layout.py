"""The numbers of the real servers of a configuration in a feed, and what of each was published."""

from __future__ import annotations

from ldirectord_py.checks.base import Check
from ldirectord_py.daemon.control.observed_fields import longest_age
from ldirectord_py.daemon.control.slices import one_slice
from ldirectord_py.daemon.history.fresh_results import FreshResults
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledReal, CompiledVirtual
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.health import HealthState
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey

REALS_AT_ONCE = 500
"""Servers, or checks, that are numbered in a turn of the event loop: some 1 ms."""

FeedReal = tuple[CompiledVirtual, CompiledReal, Check | None]


class FeedLayout:
    """The real servers by number, in the order of ``show``, and those of each check and of each row of the kernel.

    Its state: the fresh results of the checks, and of each server the reason, the health and the end of the
    certificate that were published last.
    """

    def __init__(self, director: Director) -> None:
        self.compiled: CompiledConfig = director.compiled
        self.reals: list[FeedReal] = []
        self.numbers: dict[DestinationKey, int] = {}
        self.by_row: dict[DestinationKey, list[int]] = {}
        self.fallbacks: dict[DestinationKey, ServiceKey] = {}
        self.fresh = FreshResults(director.tracker.results)
        self.informed: list[tuple[int, ...]] = []
        self._director = director
        self._positions: dict[int, int] = {}
        self._reasons: list[int] = []
        self._states: list[HealthState | None] = []
        self._certificate_ends: list[float | None] = []

    @property
    def is_current(self) -> bool:
        """Whether its configuration is still in force."""
        return self.compiled is self._director.compiled

    async def fill(self) -> bool:
        """Give the servers their numbers; return whether their configuration is still in force at the end."""
        pending = 0
        for virtual in self.compiled.virtuals.values():
            self._add_virtual(virtual)
            pending += len(virtual.reals)
            if pending >= REALS_AT_ONCE:
                pending = 0
                async with one_slice():
                    pass
        self._reasons, self._states = [0] * len(self.reals), [None] * len(self.reals)
        self._certificate_ends = [None] * len(self.reals)
        checks = list(self.compiled.plan)
        for start in range(0, len(checks), REALS_AT_ONCE):
            async with one_slice():
                if not self.is_current:
                    return False
                for check in checks[start : start + REALS_AT_ONCE]:
                    self._add_check(check)
        return self.is_current

    def changed(self, number: int, reason: int) -> bool:
        """Return whether what ``show`` says of a server differs from what was published; it does no more from now on.

        That is the reason of its last result, its health, and the end of its certificate.
        """
        state = self._director.health[self.reals[number][1].key]
        end = self.fresh.certificate_end(self._positions[number])
        if reason == self._reasons[number] and state == self._states[number] and end == self._certificate_ends[number]:
            return False
        self._reasons[number], self._states[number], self._certificate_ends[number] = reason, state, end
        return True

    def has_other_result(self, number: int) -> bool:
        """Return whether the last result of a server has another reason or certificate than what was published."""
        position = self._positions.get(number)
        if position is None:
            return False
        end = self.fresh.certificate_end(position)
        return self.fresh.reason(position) != self._reasons[number] or end != self._certificate_ends[number]

    def _add_virtual(self, virtual: CompiledVirtual) -> None:
        checks = dict(zip(virtual.rows.identities, virtual.checks, strict=True))
        if virtual.rows.fallback is not None:
            self.fallbacks[virtual.rows.fallback] = virtual.virtual.key
        for key, real in virtual.reals.items():
            self.numbers[key] = number = len(self.reals)
            self.by_row.setdefault(real.row, []).append(number)
            self.reals.append((virtual, real, checks[key]))

    def _add_check(self, check: Check) -> None:
        numbers = tuple(dict.fromkeys(self.numbers[real.key] for real in self.compiled.plan[check]))
        self._positions.update(dict.fromkeys(numbers, len(self.fresh)))
        reason = self.fresh.add(check, longest_age(check))
        self.informed.append(numbers)
        for number in numbers:
            self.changed(number, reason)
