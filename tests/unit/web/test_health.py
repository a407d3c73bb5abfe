"""Whether the daemon makes progress, and whether it is ready."""

from __future__ import annotations

from typing import Any

import pytest

from ldirectord_py.web.health import MAX_LISTED, stall, unready


@pytest.mark.parametrize(
    ("silence", "age", "expected"),
    [
        (0.5, 1.0, ""),
        (0.5, 8.0, ""),
        (0.5, 9.0, "the last update of the daemon is 9 s old"),
        (6.0, 1.0, "the daemon has been silent for 6 s"),
        (0.5, None, "the daemon has not answered so far"),
    ],
)
def test_progress(silence: float, age: float | None, expected: str) -> None:
    assert stall(silence, age) == expected


def answer(*reals: dict[str, Any], **fields: Any) -> dict[str, Any]:
    virtual = {"virtual": "fwm:1", "fallback": fields.pop("fallback", None), "reals": list(reals)}
    return {"generation": 1, "kernel": {"age": 0.1, "error": None}, "virtuals": [virtual], **fields}


def real(*disagrees: str, up: bool | None = True) -> dict[str, Any]:
    return {"real": "10.0.0.1", "observed": {"up": up}, "disagrees": list(disagrees)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ["the daemon has not answered so far"]),
        (answer(real(), real(up=False)), []),
        (answer(real(up=None)), ["fwm:1/10.0.0.1: no result so far"]),
        (answer(real("not in the kernel")), ["fwm:1/10.0.0.1: not in the kernel"]),
        (answer(real("weight 3 in the kernel, not 1 (set by hand)")), []),
        (answer(generation=0), ["no configuration is in force"]),
        (answer(kernel={"error": "no IPVS"}), ["the kernel's table cannot be read: no IPVS"]),
        (answer(fallback={"disagrees": ["not in the kernel"]}), ["fwm:1, fallback: not in the kernel"]),
    ],
)
def test_ready(given: dict[str, Any] | None, expected: list[str]) -> None:
    assert unready(given) == expected


def test_only_some_reasons_are_listed() -> None:
    reasons = unready(answer(*[real(up=None)] * 50))
    assert (len(reasons), reasons[-1]) == (MAX_LISTED + 1, "40 more")
