"""A test fails if our code holds a loop of its own, or of a daemon that it starts, again and again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.guarded_loops import MODE, GuardedLoops
from harness.guarded_process import REPORT
from harness.loop_guard import Held
from harness.thread_times import Place

HELD = Held(0.25, [Place("a.py", 7, "read"), Place("b.py", 9, "main")])


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedLoops]:
    """A guard that repeats tests, on a machine of the usual speed."""
    monkeypatch.delenv(MODE, raising=False)
    monkeypatch.setattr("harness.guarded_loops.processor_slowness", lambda: 1.0)
    guarded = GuardedLoops()
    yield guarded
    guarded.close()


def call(plugin: GuardedLoops, item: pytest.Item, held: Held, phase: str = "call") -> None:
    """Run a test during which, or during whose end, a loop is held."""
    calling = getattr(plugin, f"pytest_runtest_{phase}")(item)
    next(calling)
    plugin.found.append(held)
    calling.send(None)


@pytest.mark.parametrize(("again", "fails"), [([True, True], True), ([True, False], False), ([False], False)])
def test_a_test_fails_only_if_the_loop_is_held_again_and_again(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    plugin: GuardedLoops,
    again: list[bool],
    fails: bool,
) -> None:
    monkeypatch.setattr("harness.guarded_loops._is_held_again", lambda _: again.pop(0))
    with pytest.raises(pytest.fail.Exception if fails else StopIteration) as ended:
        call(plugin, request.node, HELD)
    assert again == []
    if fails:
        assert str(ended.value) == "the event loop was held for 250 ms by read (a.py:7) < main (b.py:9)"


@pytest.mark.parametrize("phase", ["call", "teardown"])
@pytest.mark.parametrize(("slowness", "fails"), [(2.0, True), (3.0, False)])
def test_the_limit_grows_with_the_slowness_of_the_machine(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    plugin: GuardedLoops,
    phase: str,
    slowness: float,
    fails: bool,
) -> None:
    monkeypatch.setattr("harness.guarded_loops._is_held_again", lambda _: True)
    monkeypatch.setattr("harness.guarded_loops.processor_slowness", lambda: slowness)
    with pytest.raises(pytest.fail.Exception if fails else StopIteration):
        call(plugin, request.node, HELD, phase)


@pytest.mark.holds_loop
def test_a_test_that_is_marked_may_hold_it(request: pytest.FixtureRequest, plugin: GuardedLoops) -> None:
    with pytest.raises(StopIteration):
        call(plugin, request.node, HELD)


def test_what_an_earlier_test_has_left_is_forgotten(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, plugin: GuardedLoops
) -> None:
    monkeypatch.setattr(plugin._guard, "start", lambda: None)
    monkeypatch.setenv(REPORT, "")
    plugin.found.append(HELD)
    plugin.pytest_runtest_setup(request.node)
    assert plugin.found == []
