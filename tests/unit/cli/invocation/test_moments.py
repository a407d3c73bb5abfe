"""Times as people write them."""

from __future__ import annotations

import argparse
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.time_zone import BERLIN, in_time_zone
from ldirectord_py.cli.invocation.arguments import UsageError
from ldirectord_py.cli.invocation.moments import future_time, past_time, seconds_or_duration

NOW = datetime(2026, 11, 28, 14, 30, 20, tzinfo=UTC)
ELSEWHERE = datetime(2026, 11, 28, 14, 0, 30, tzinfo=timezone(timedelta(hours=1)))


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
    now = datetime.fromisoformat("2026-11-28T14:30:20")
    assert past_time("2026-11-28 03:12", now) == datetime(2026, 11, 28, 3, 12).astimezone().timestamp()


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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("14:30", "2026-11-28T14:30:00+01:00"),
        ("14:01", "2026-11-28T14:01:00+01:00"),
        ("14:00", "2026-11-29T14:00:00+01:00"),
        ("9:05", "2026-11-29T09:05:00+01:00"),
        ("2h", "2026-11-28T16:00:30+01:00"),
        ("+1h30m", "2026-11-28T15:30:30+01:00"),
        ("90s", "2026-11-28T14:02:00+01:00"),
        ("2d", "2026-11-30T14:00:30+01:00"),
        ("2026-11-28T15:00", "2026-11-28T15:00:00+01:00"),
        ("2026-11-28 15:00", "2026-11-28T15:00:00+01:00"),
        ("2026-11-28T15:00Z", "2026-11-28T15:00:00+00:00"),
    ],
)
def test_a_time_in_the_future(text: str, found: str) -> None:
    assert datetime.fromtimestamp(future_time(text, ELSEWHERE), UTC) == datetime.fromisoformat(found)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no time"),
        ("+", "is over already"),
        ("soon", "no time"),
        ("25:00", "no time"),
        ("1w", "no time"),
        ("0s", "is over already"),
        ("2026-11-28T12:00", "is over already"),
    ],
)
def test_a_time_that_is_none_or_over_is_refused(text: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        future_time(text, ELSEWHERE)


@given(st.text(max_size=20))
def test_any_text_is_a_future_time_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert future_time(text, ELSEWHERE) > ELSEWHERE.timestamp()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2027-06-01T12:00", "2027-06-01T12:00+02:00"),
        ("12:00", "2027-03-28T12:00+02:00"),
        ("8h", "2027-03-28T07:30+02:00"),
    ],
)
@in_time_zone(BERLIN)
def test_a_local_time_after_the_clocks_changed(text: str, found: str) -> None:
    assert future_time(text, datetime.fromisoformat("2027-03-27T22:30")) == datetime.fromisoformat(found).timestamp()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2027-03-27T12:00", "2027-03-27T12:00+01:00"),
        ("20:00", "2027-03-27T20:00+01:00"),
        ("8h", "2027-03-28T00:00+01:00"),
    ],
)
@in_time_zone(BERLIN)
def test_a_local_time_before_the_clocks_changed(text: str, found: str) -> None:
    assert past_time(text, datetime.fromisoformat("2027-03-28T09:00")) == datetime.fromisoformat(found).timestamp()
