"""Times as people write them: ``14:30``, ``2026-11-28 14:30``, ``10m`` ago."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from ldirectord_py.cli.arguments import UsageError

_AGO = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhd])(?: ago)?")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?")
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def past_time(text: str, now: datetime) -> float:
    """Return a time in seconds since the epoch; raises UsageError.

    A duration is that long ago, a time of day the last one before ``now``, and a time without a zone is local.
    """
    if ago := _AGO.fullmatch(text):
        return now.timestamp() - int(ago["number"]) * _UNIT_SECONDS[ago["unit"]]
    try:
        if _CLOCK.fullmatch(text):
            hour, minute, second = (int(part) for part in f"{text}:0".split(":")[:3])
            at = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
            return (at if at <= now else at - timedelta(days=1)).timestamp()
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"{text} is no time; write 14:30, 2026-11-28T14:30 or 10m (ago)") from None
