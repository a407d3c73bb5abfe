"""The Perl original and ours, one after the other in the same machine: tables, logs, mails and commands compared.

A difference that stays is named in its scenario by its heading on docs/differences.md: it must be there, and it
must still differ.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from typing import Final, Self

import pytest

from harness.comparison.checkpoint import Checkpoint, compare
from harness.comparison.farm_network import FarmNetwork
from harness.comparison.fork_server import PERL, PYTHON, ForkServer
from harness.comparison.scenario import compare_daemons
from harness.machines.worker import upcoming
from harness.scenarios.table import SCENARIOS

pytestmark = pytest.mark.original

BENCHES: Final = 6
LOOK_SECONDS: Final = 0.5

Points = tuple[list[Checkpoint], list[Checkpoint]]


class Races:
    """Races of scenarios, several at the same time; benches are built as they are needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._futures: dict[str, Future[Points]] = {}
        self._free: Queue[FarmNetwork] = Queue()
        self._built = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        self._original = enter(ForkServer(*PERL, PERLIO="perlio"))  # else it begins by starting itself again
        self._ours = enter(ForkServer(*PYTHON))
        self._pool = ThreadPoolExecutor(BENCHES)
        self._stack.callback(self._pool.shutdown, cancel_futures=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self, names: Sequence[str]) -> None:
        """Begin the scenarios that are not begun."""
        for name in names:
            if name not in self._futures:
                self._build()
                self._futures[name] = self._pool.submit(self._run, name)

    def done(self, name: str, within: float) -> bool:
        """Return whether a race is over, in so many seconds at the latest."""
        return bool(wait([self._futures[name]], within).done)

    def points(self, name: str) -> Points:
        """Return what the original and ours left."""
        return self._futures[name].result()

    def _build(self) -> None:
        if self._built < BENCHES:
            self._free.put(
                self._stack.enter_context(FarmNetwork(self._built, self._folder, self._original, self._ours))
            )
            self._built += 1

    def _run(self, name: str) -> Points:
        bench = self._free.get()
        began = time.monotonic()
        try:
            return compare_daemons(bench, SCENARIOS[name])
        finally:
            self._free.put(bench)
            print(f"{name}: {time.monotonic() - began:.0f} s")


@pytest.fixture(scope="session")
def races(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Races]:
    """The races of this process, as it comes to know of them."""
    with Races(tmp_path_factory.mktemp("race")) as races:
        yield races


@pytest.mark.parametrize("name", SCENARIOS)
def test_as_the_original(request: pytest.FixtureRequest, races: Races, name: str) -> None:
    asked = {f"[{name}]": name for name in SCENARIOS}
    races.begin([name])
    while not races.done(name, LOOK_SECONDS):
        own = (nodeid for nodeid in upcoming(request.session) if "test_as_the_original" in nodeid)
        races.begin([asked[nodeid[nodeid.index("[") :]] for nodeid in own])
    originals, ours = races.points(name)
    assert originals
    wrong = compare(originals, ours)
    assert not wrong, "\n".join(wrong)
