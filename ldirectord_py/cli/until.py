"""``--until``: when something ends, as people write it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from ldirectord_py.cli.arguments import UsageError
from ldirectord_py.cli.moments import duration

_TIME_OF_DAY: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def future_time(text: str, now: datetime) -> float:
    """Return a time after ``now`` in seconds since the epoch; raises UsageError.

    ``14:30`` is the next one in the zone of ``now``, ``2h``, ``+1h30m`` and ``2d`` are that much later; else it is a
    time of ISO 8601, without a zone in that of ``now``.
    """
    try:
        found = _parse(text.strip(), now)
        seconds = found.timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{text!r} is no time; write 14:30, 2h, 1h30m or 2026-11-28T14:30") from None
    if seconds <= now.timestamp():
        raise UsageError(f"{text!r} is over already")
    return seconds


def _parse(text: str, now: datetime) -> datetime:
    if (later := duration(text)) is not None:
        return now + later
    if time_of_day := _TIME_OF_DAY.fullmatch(text):
        hour, minute = map(int, time_of_day.groups())
        today = now.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
        return today if today > now else today + timedelta(days=1)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
