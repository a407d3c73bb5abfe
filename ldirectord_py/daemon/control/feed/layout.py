"""The numbers of the real servers of a configuration in a feed, and what of each was published."""

from __future__ import annotations

from itertools import takewhile

from ldirectord_py.checks.base import Check
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.daemon.control.servers.observed_fields import longest_age
from ldirectord_py.daemon.history.fresh_results import NO_WORDS, FreshResults
from ldirectord_py.daemon.history.results import LastWords
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledVirtual
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey
from ldirectord_py.runtime.slices import in_slices

FeedReal = tuple[CompiledVirtual, CompiledReal, Check | None]


class FeedLayout:
    """The real servers by number, in the order of ``show``, and those of each check and of each row of the kernel.

    Its state: the fresh results of the checks, and of each server the words that were published last.
    """

    def __init__(self, director: Director) -> None:
        self.compiled: CompiledConfig = director.compiled
        self.reals: list[FeedReal] = []
        self.numbers: dict[DestinationKey, int] = {}
        self.by_row: dict[DestinationKey, list[int]] = {}
        self.fallbacks: dict[DestinationKey, ServiceKey] = {}
        size = sum(len(virtual.reals) for virtual in self.compiled.virtuals.values())
        self.fresh = FreshResults(director.tracker.results, size)
        self.words: list[LastWords] = [NO_WORDS] * size
        self._director = director

    @property
    def is_current(self) -> bool:
        """Whether its configuration is still in force."""
        return self.compiled is self._director.compiled

    async def fill(self) -> bool:
        """Give the servers their numbers; return whether their configuration is still in force at the end."""
        await in_slices(map(self._add_virtual, self.compiled.virtuals.values()))
        # only checks that are in force have results
        await in_slices(map(self._add_check, takewhile(lambda _: self.is_current, self.compiled.plan)))
        return self.is_current

    def _add_virtual(self, virtual: CompiledVirtual) -> None:
        checks = virtual.checks_by_key()
        if virtual.rows.fallback is not None:
            self.fallbacks[virtual.rows.fallback] = virtual.virtual.key
        for key, real in virtual.reals.items():
            self.numbers[key] = number = len(self.reals)
            self.by_row.setdefault(real.row, []).append(number)
            self.reals.append((virtual, real, checks[key]))

    def _add_check(self, check: Check) -> None:
        numbers = tuple(dict.fromkeys(self.numbers[real.key] for real in self.compiled.plan[check]))
        words = self.fresh.add(check, numbers, longest_age(check))
        for number in numbers:
            self.words[number] = words
