"""The Perl original and ours, one after the other in the same machine: tables, logs, mails and commands compared.

A difference that stays is named in its scenario by its heading on docs/differences.md: it must be there, and it
must still differ.
"""

from __future__ import annotations

import faulthandler
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import Queue
from typing import Final

import pytest

from harness.bench import Bench
from harness.nursery import PERL, PYTHON, Nursery
from harness.point import Point, compare
from harness.race import Scenario, race
from harness.scenarios.table import SCENARIOS

pytestmark = pytest.mark.original

BENCHES: Final = 6
BUILT_SECONDS: Final = 300.0

Races = dict[str, Future[tuple[list[Point], list[Point]]]]


@pytest.fixture(scope="module")
def races(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Races]:
    """The races of all scenarios that were asked for, several at the same time."""
    _be_patient()
    asked = [name for name in SCENARIOS if any(f"[{name}]" in item.name for item in request.session.items)]
    folder = tmp_path_factory.mktemp("race")
    free: Queue[Bench] = Queue()

    def run(scenario: Scenario) -> tuple[list[Point], list[Point]]:
        bench = free.get(timeout=BUILT_SECONDS)
        began = time.monotonic()
        try:
            return race(bench, scenario)
        finally:
            free.put(bench)
            print(f"{scenario.__name__}: {time.monotonic() - began:.0f} s")

    with ExitStack() as stack:
        original = stack.enter_context(Nursery(*PERL, PERLIO="perlio"))  # else it begins by starting itself again
        ours = stack.enter_context(Nursery(*PYTHON))
        pool = ThreadPoolExecutor(BENCHES)
        stack.callback(pool.shutdown, cancel_futures=True)
        futures = {name: pool.submit(run, SCENARIOS[name]) for name in asked}
        for number in range(min(BENCHES, len(asked))):
            bench = stack.enter_context(Bench(number, folder, original, ours))
            free.put(bench)
        yield futures


@pytest.mark.parametrize("name", SCENARIOS)
def test_as_the_original(races: Races, name: str) -> None:
    _be_patient()
    originals, ours = races[name].result()
    assert originals
    wrong = compare(originals, ours)
    assert not wrong, "\n".join(wrong)


def _be_patient() -> None:
    """Keep the stacks of a slow test to ourselves: the races have deadlines of their own, and printing may crash."""
    faulthandler.cancel_dump_traceback_later()
