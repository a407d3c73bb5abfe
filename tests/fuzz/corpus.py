"""The inputs that are kept for each target: few and small, each reaches code that no other one does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from fuzz.target import FuzzTarget
from harness.layers import PACKAGE

CORPUS: Final = Path(__file__).parent / "corpus"

MAX_INPUTS: Final = 24
"""Inputs that are kept for a target."""

Step = tuple[CodeType, int, int]
"""From one line of a function to another."""


def kept_inputs(name: str) -> Iterator[bytes]:
    """Yield the inputs that are kept for a target."""
    yield from map(Path.read_bytes, sorted((CORPUS / name).glob("*")))


def save(folder: Path, inputs: Iterable[bytes]) -> None:
    """Write inputs to a folder, each under its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / sha256(data).hexdigest()[:12]).write_bytes(data)


def keep(target: FuzzTarget, candidates: Iterable[bytes]) -> int:
    """Replace what is kept for a target by the best of it and of the candidates; return their number."""
    steps = {data: reached(target, data) for data in {*candidates, *kept_inputs(target.name)}}
    chosen = choose(steps, frozenset().union(*(reached(target, seed) for seed in target.seeds)))
    for file in (CORPUS / target.name).glob("*"):
        file.unlink()
    save(CORPUS / target.name, chosen)
    return len(chosen)


def choose(steps: Mapping[bytes, frozenset[Step]], known: frozenset[Step]) -> list[bytes]:
    """Return at most MAX_INPUTS that take most of the steps that are not known, the shorter of two equals."""
    missing = frozenset().union(*steps.values()) - known
    chosen: list[bytes] = []
    while missing and len(chosen) < MAX_INPUTS:
        best = max(sorted(steps), key=lambda data: (len(steps[data] & missing), -len(data)))
        chosen.append(best)
        missing -= steps[best]
    return chosen


def reached(target: FuzzTarget, data: bytes) -> frozenset[Step]:
    """Return the steps that a decoder takes for an input, in the package."""
    steps: set[Step] = set()
    before = sys.gettrace()
    sys.settrace(_tracer(steps))
    try:
        with suppress(*target.errors):
            target.decode_alone(data)
    finally:
        sys.settrace(before)
    return frozenset(steps)


def _tracer(steps: set[Step]) -> Callable[[FrameType, str, Any], Any]:
    def called(frame: FrameType, _: str, __: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(str(PACKAGE)):
            return None
        last = 0

        def went(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal last
            if event == "line":
                steps.add((code, last, frame.f_lineno))
                last = frame.f_lineno
            return went

        return went

    return called
