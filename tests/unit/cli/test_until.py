"""Times as people write them for ``--until``."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.cli.arguments import UsageError
from ldirectord_py.cli.until import future_time

NOW = datetime(2026, 11, 28, 14, 0, 30, tzinfo=timezone(timedelta(hours=1)))


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
def test_times(text: str, found: str) -> None:
    assert datetime.fromtimestamp(future_time(text, NOW), UTC) == datetime.fromisoformat(found)


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
def test_other_texts_are_refused(text: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        future_time(text, NOW)


@given(st.text(max_size=20))
def test_any_text_is_a_future_time_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert future_time(text, NOW) > NOW.timestamp()
