"""A test fails if our code holds a loop of its own, or of a daemon that it starts, again and again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.guarded_loops import GuardedLoops
from harness.guarded_process import REPORT
from harness.loop_guard import Held
from harness.thread_times import Place

HELD = Held(0.25, Place("a.py", 7, "main"))


@pytest.fixture
def plugin() -> Iterator[GuardedLoops]:
    guarded = GuardedLoops()
    yield guarded
    guarded.close()


def call(plugin: GuardedLoops, item: pytest.Item, held: Held) -> None:
    """Run a test during which a loop is held."""
    calling = plugin.pytest_runtest_call(item)
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
        assert str(ended.value) == "the event loop was held for 250 ms by main (a.py:7)"


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
