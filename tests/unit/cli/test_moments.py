"""Times as people write them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

import pytest

from ldirectord_py.cli.arguments import UsageError
from ldirectord_py.cli.moments import past_time, seconds_or_duration

NOW = datetime(2026, 11, 28, 14, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("10m", datetime(2026, 11, 28, 14, 20, 20, tzinfo=UTC)),
        ("90s ago", datetime(2026, 11, 28, 14, 28, 50, tzinfo=UTC)),
        ("2d", datetime(2026, 11, 26, 14, 30, 20, tzinfo=UTC)),
        ("1h30m", datetime(2026, 11, 28, 13, 0, 20, tzinfo=UTC)),
        ("3:05", datetime(2026, 11, 28, 3, 5, tzinfo=UTC)),
        ("14:30:10", datetime(2026, 11, 28, 14, 30, 10, tzinfo=UTC)),
        ("14:31", datetime(2026, 11, 27, 14, 31, tzinfo=UTC)),
        ("2026-11-28T03:12:45Z", datetime(2026, 11, 28, 3, 12, 45, tzinfo=UTC)),
        ("2026-11-28T03:12+01:00", datetime(2026, 11, 28, 2, 12, tzinfo=UTC)),
    ],
)
def test_a_time_in_the_past(text: str, at: datetime) -> None:
    assert past_time(text, NOW) == at.timestamp()


def test_a_time_without_a_zone_is_local() -> None:
    assert past_time("2026-11-28 03:12", NOW) == datetime(2026, 11, 28, 3, 12).astimezone().timestamp()


@pytest.mark.parametrize("text", ["", "yesterday", "25:00", "14:61", "10 m", "9999999d", "2026-13-01"])
def test_anything_else_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        past_time(text, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"), [("600", 600), ("0.5", 0.5), ("10m", 600), ("1h30m", 5400), ("1d", 86400)]
)
def test_a_duration_is_in_seconds_or_has_units(text: str, seconds: float) -> None:
    assert seconds_or_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10x", "14:30"])
def test_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no time"):
        seconds_or_duration(text)
