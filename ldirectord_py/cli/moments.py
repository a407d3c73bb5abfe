"""Times as people write them: ``14:30``, ``2026-11-28 14:30``, ``10m`` ago; and durations, as in ``1h30m``."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta
from typing import Final

from ldirectord_py.cli.arguments import UsageError

_DURATION: Final = re.compile(r"\+?(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")


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


def past_time(text: str, now: datetime) -> float:
    """Return a time in seconds since the epoch; raises UsageError.

    A duration is that long ago, a time of day the last one before ``now``, and a time without a zone is local.
    """
    if (ago := duration(text.removesuffix(" ago"))) is not None:
        return now.timestamp() - ago.total_seconds()
    try:
        if _CLOCK.fullmatch(text):
            hour, minute, second = (int(part) for part in f"{text}:0".split(":")[:3])
            at = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
            return (at if at <= now else at - timedelta(days=1)).timestamp()
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time; write 14:30, 2026-11-28T14:30 or 10m (ago)") from None
