"""Whose code held the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness import loop_turns
from harness.held_loop import TESTS, culprit
from harness.layers import PACKAGE
from harness.thread_times import Place

ASYNCIO = "/usr/lib/python3.11/asyncio"

TURN = Place(loop_turns.__file__, 53, "run")
UVLOOP = [TURN, Place(f"{ASYNCIO}/runners.py", 118, "run"), Place("/usr/lib/pytest.py", 1, "pytest_pyfunc_call")]
STANDARD_LOOP = [
    Place(f"{ASYNCIO}/events.py", 80, "_run"),
    TURN,
    Place(loop_turns.__file__, 63, "run_counted"),
    Place(f"{ASYNCIO}/base_events.py", 1922, "_run_once"),
    Place(f"{ASYNCIO}/base_events.py", 607, "run_forever"),
    Place(f"{ASYNCIO}/runners.py", 118, "run"),
]
OURS = Place(str(PACKAGE / "health.py"), 40, "decide")
TEST = Place(str(TESTS / "unit/test_health.py"), 9, "test_it")
LIBRARY = Place("/site-packages/regex.py", 9, "search")


def line_of(file: Path, text: str) -> int:
    return file.read_text().partition(text)[0].count("\n") + 2


PROBE = PACKAGE / "checks/probe.py"
COROUTINE = Place(str(PROBE), line_of(PROBE, "async def probe("), "probe")
FUNCTION = Place(str(PROBE), line_of(PROBE, "def _failed("), "_failed")


@pytest.mark.parametrize("loop", [STANDARD_LOOP, UVLOOP])
@pytest.mark.parametrize(
    ("calls", "whose"),
    [
        ([], None),
        ([OURS], OURS),
        ([LIBRARY, OURS], OURS),
        ([OURS, LIBRARY], OURS),
        ([TEST], None),
        ([LIBRARY, TEST], None),
        ([TEST, OURS], None),
        ([FUNCTION, COROUTINE, TEST], FUNCTION),
        ([COROUTINE, TEST], COROUTINE),
        ([FUNCTION, TEST], None),
        ([FUNCTION, TEST, COROUTINE], None),
        ([FUNCTION, COROUTINE, TEST, COROUTINE], FUNCTION),
        ([LIBRARY], None),
    ],
)
def test_whose_code_it_is(loop: list[Place], calls: list[Place], whose: Place | None) -> None:
    """The calls are the innermost first."""
    found = culprit([[*calls, *loop]] * 3)
    assert (found[0] if found else None) == whose


@pytest.mark.parametrize(
    "stacks",
    [
        [],
        [[OURS, *UVLOOP]] * 2,
        [[OURS, *UVLOOP], [OURS, *UVLOOP], [TEST, *UVLOOP]],
        [[OURS, *UVLOOP], [OURS, *UVLOOP], UVLOOP],
        [[OURS]] * 3,
    ],
)
def test_it_takes_several_looks_at_our_code(stacks: Sequence[Sequence[Place]]) -> None:
    assert not culprit(stacks)
