"""Times as people write them: ``14:30``, ``2026-11-28 14:30``, ``10m`` ago or later; and durations, as in ``1h30m``."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta
from typing import Final

from ldirectord_py.cli.invocation.arguments import UsageError

_DURATION: Final = re.compile(r"\+?(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?")
_CLOCK: Final = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")


def duration(text: str) -> timedelta | None:
    """Return a duration with units, as in ``2h``, ``+1h30m`` or ``2d``; None if ``text`` is none."""
    found = _DURATION.fullmatch(text)
    if not text or not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def seconds_or_duration(text: str) -> float:
    """Return ``600`` or ``10m`` in seconds, for an option; raises argparse.ArgumentTypeError."""
    if (found := duration(text)) is not None:
        return found.total_seconds()
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write seconds, 10m or 1h30m") from None


def local_now() -> datetime:
    """Return the time of this host without a zone: the one of today may not be that of another day."""
    return datetime.now()  # noqa: DTZ005


def past_time(text: str, now: datetime) -> float:
    """Return a time in seconds since the epoch; raises UsageError.

    A duration is that long before ``now``, a time of day the last one. A time without a zone is in that of ``now``, a
    local one if ``now`` has none.
    """
    try:
        if (ago := duration(text.removesuffix(" ago"))) is not None:
            return now.timestamp() - ago.total_seconds()
        return _point_in_time(text, now, ahead=False)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time; write 14:30, 2026-11-28T14:30 or 10m (ago)") from None


def future_time(text: str, now: datetime) -> float:
    """Return a time after ``now`` in seconds since the epoch; raises UsageError.

    A duration is that much later, a time of day the next one; zones are those of ``past_time``.
    """
    text = text.strip()
    try:
        later = duration(text)
        seconds = _point_in_time(text, now, ahead=True) if later is None else now.timestamp() + later.total_seconds()
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time; write 14:30, 2h, 1h30m or 2026-11-28T14:30") from None
    if seconds <= now.timestamp():
        raise UsageError(f"{text!r} is over already")
    return seconds


def _point_in_time(text: str, now: datetime, *, ahead: bool) -> float:
    """Return a time of day after or before ``now``, or a time of ISO 8601, in seconds since the epoch."""
    if not _CLOCK.fullmatch(text):
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=now.tzinfo)).timestamp()
    hour, minute, second = (int(part) for part in f"{text}:0".split(":")[:3])
    today = now.replace(hour=hour, minute=minute, second=second, microsecond=0, fold=0)
    if ahead:
        return (today if today > now else today + timedelta(days=1)).timestamp()
    return (today if today <= now else today - timedelta(days=1)).timestamp()
