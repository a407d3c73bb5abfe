"""The Perl original and ours, one after the other in the same machine: tables, logs, mails and commands compared.

A difference that stays is named in its scenario by its heading on docs/differences.md: it must be there, and it
must still differ.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from queue import Queue
from typing import Final

import pytest

from harness.bench import Bench
from harness.race import Point, Scenario, compare, race
from harness.scenarios.table import SCENARIOS

pytestmark = pytest.mark.original

BENCHES: Final = 6

Races = dict[str, Future[tuple[list[Point], list[Point]]]]


@pytest.fixture(scope="module")
def races(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Races]:
    """The races of all scenarios that were asked for, several at the same time."""
    asked = [name for name in SCENARIOS if any(f"[{name}]" in item.name for item in request.session.items)]
    folder = tmp_path_factory.mktemp("race")
    free: Queue[Bench] = Queue()

    def run(scenario: Scenario) -> tuple[list[Point], list[Point]]:
        bench = free.get()
        began = time.monotonic()
        try:
            return race(bench, scenario)
        finally:
            free.put(bench)
            print(f"{scenario.__name__}: {time.monotonic() - began:.0f} s")

    with ExitStack() as stack:
        for number in range(min(BENCHES, len(asked))):
            free.put(stack.enter_context(Bench(number, folder)))
        pool = stack.enter_context(ThreadPoolExecutor(BENCHES))
        yield {name: pool.submit(run, SCENARIOS[name]) for name in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", SCENARIOS)
def test_as_the_original(races: Races, name: str) -> None:
    originals, ours = races[name].result()
    assert originals
    wrong = compare(originals, ours)
    assert not wrong, "\n".join(wrong)
