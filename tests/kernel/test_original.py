"""The Perl original and ours, one after the other in the same machine: tables, logs, mails and commands are compared.

A scenario names each intended difference by its row of docs/differences.md; the two have to differ there.
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

MAX_NETWORKS: Final = 6
LOOK_SECONDS: Final = 0.5

Points = tuple[list[Checkpoint], list[Checkpoint]]


class ScenarioRuns:
    """Runs of scenarios by both daemons, several at the same time; a network is built when none is free."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._futures: dict[str, Future[Points]] = {}
        self._free: Queue[FarmNetwork] = Queue()
        self._built = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        self._original = enter(
            ForkServer(*PERL, PERLIO="perlio")
        )  # without PERLIO the original starts itself a second time
        self._ours = enter(ForkServer(*PYTHON))
        self._pool = ThreadPoolExecutor(MAX_NETWORKS)
        self._stack.callback(self._pool.shutdown, cancel_futures=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, names: Sequence[str]) -> None:
        """Start the scenarios that have not been started."""
        for name in names:
            if name not in self._futures:
                self._build()
                self._futures[name] = self._pool.submit(self._run, name)

    def done(self, name: str, within: float) -> bool:
        """Return whether a run has ended, after waiting at most ``within`` seconds."""
        return bool(wait([self._futures[name]], within).done)

    def points(self, name: str) -> Points:
        """Return the checkpoints of the original and of ours."""
        return self._futures[name].result()

    def _build(self) -> None:
        if self._built < MAX_NETWORKS:
            network = FarmNetwork(self._built, self._folder, self._original, self._ours)
            self._free.put(self._stack.enter_context(network))
            self._built += 1

    def _run(self, name: str) -> Points:
        network = self._free.get()
        began = time.monotonic()
        try:
            return compare_daemons(network, SCENARIOS[name])
        finally:
            self._free.put(network)
            print(f"{name}: {time.monotonic() - began:.0f} s")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScenarioRuns]:
    """The runs of this process, as it comes to know of them."""
    with ScenarioRuns(tmp_path_factory.mktemp("scenarios")) as runs:
        yield runs


@pytest.mark.parametrize("name", SCENARIOS)
def test_F55_as_the_original(request: pytest.FixtureRequest, runs: ScenarioRuns, name: str) -> None:
    names = {f"[{name}]": name for name in SCENARIOS}
    runs.start([name])
    while not runs.done(name, LOOK_SECONDS):
        own = (nodeid for nodeid in upcoming(request.session) if "test_F55_as_the_original" in nodeid)
        runs.start([names[nodeid[nodeid.index("[") :]] for nodeid in own])
    originals, ours = runs.points(name)
    assert originals
    wrong = compare(originals, ours)
    assert not wrong, "\n".join(wrong)
