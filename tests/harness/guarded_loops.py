"""Fails tests of the first two tiers during which our code held an event loop: of the test, or of its daemons.

A loop is held for too long after MAX_HOLD times the slowness of this machine's processor, measured then. A test that
fails this way is run twice more, alone: it fails if a loop is held each time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from typing import Final

import pytest

from harness.guarded_process import REPORT, HeldReports
from harness.held_loop import TESTS
from harness.loop_guard import MAX_HOLD, Held, LoopGuard
from harness.machines.speed import processor_slowness

MODE: Final = "LOOP_GUARD"
"""The variable of the environment that turns the guard ``off``, or makes it ``strict``: a test is not run again."""

TIERS: Final = (TESTS / "unit", TESTS / "service")
"""The folders of the tests that are watched."""

CONFIRMATIONS: Final = 2
"""How often a test is run again."""

CONFIRMATION_TIMEOUT: Final = 300.0
"""Seconds for one of these runs; a test that takes longer is not confirmed."""


class GuardedLoops:
    """A plugin. Its state: what was found, and the file of the daemons once the first test has begun."""

    def __init__(self) -> None:
        self.found: list[Held] = []
        self._guard = LoopGuard(self.found.append)
        self._mode = os.environ.get(MODE, "")
        self._reports: HeldReports | None = None
        self._process = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Guard this process, once, and forget what other tests have left."""
        if self._guards(item):
            self._start()
            self._take()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Fail the test if a loop was held, and is held again."""
        yield
        self._judge(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """Fail the test if a loop was held while a fixture ended, a daemon for one, and is held again."""
        yield
        self._judge(item)

    def close(self) -> None:
        """Guard no longer."""
        self._guard.close()
        if self._reports:
            self._reports.close()

    def _judge(self, item: pytest.Item) -> None:
        held = self._take() if self._guards(item) else None
        if held and (self._mode == "strict" or all(_is_held_again(item) for _ in range(CONFIRMATIONS))):
            pytest.fail(str(held), pytrace=False)

    def _guards(self, item: pytest.Item) -> bool:
        marked = item.get_closest_marker("holds_loop") is not None
        return self._mode != "off" and not marked and any(map(item.path.is_relative_to, TIERS))

    def _start(self) -> None:
        if self._process != os.getpid():
            self._process = os.getpid()
            self._guard.start()
            self._reports = HeldReports()
            os.environ[REPORT] = self._reports.path

    def _take(self) -> Held | None:
        """Return the longest hold that was found if it was too long for this machine, and forget all."""
        found = [*self.found, *(self._reports.take() if self._reports else ())]
        self.found.clear()
        longest = max(found, default=None)
        return longest if longest and longest.seconds > MAX_HOLD * processor_slowness() else None


def _is_held_again(item: pytest.Item) -> bool:
    """Run a test alone, and return whether a loop was held."""
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", item.nodeid)
    try:
        done = subprocess.run(
            command,
            cwd=item.config.rootpath,
            env={**os.environ, MODE: "strict"},
            capture_output=True,
            text=True,
            timeout=CONFIRMATION_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return "the event loop was held for" in done.stdout
