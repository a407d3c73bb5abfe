"""A configuration without virtual servers is never accepted, one with less than half of the servers on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import config, virtual
from ldirectord_py.config.model import Config
from ldirectord_py.daemon.configuration.guard import refusal

PATH = Path("/etc/ha.d/ldirectord.cf")
THREE = config(*(virtual(f"10.0.0.{number}:80", "10.1.0.1:80") for number in (1, 2, 3)))
ONE = config(virtual("10.0.0.1:80", "10.1.0.1:80"))


@pytest.mark.parametrize(
    ("before", "after", "requested", "expected"),
    [
        (THREE, config(), True, "has no virtual server any more"),
        (config(), config(), False, ""),
        (THREE, ONE, False, "leaves out 2 of 3 virtual servers"),
        (THREE, ONE, True, ""),
        (ONE, THREE, False, ""),
    ],
)
def test_refusal(before: Config, after: Config, requested: bool, expected: str) -> None:
    reason = refusal(PATH, before, after, requested=requested)
    assert expected in reason
    assert bool(reason) is bool(expected)
