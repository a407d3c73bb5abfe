"""Times as text: ISO 8601 for programs, local time for people."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_time(seconds: float) -> str:
    """Return ``2026-11-28T08:09:38.123Z`` for a time since the epoch."""
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def local_time(iso: str) -> str:
    """Return a time of ISO 8601 in the zone of this host: ``2026-11-28 03:12:45``."""
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M:%S}"


def local_minute(iso: str) -> str:
    """Return a time of ISO 8601 in the zone of this host, without its seconds: ``2026-11-28 03:12``."""
    return local_time(iso)[: -len(":45")]
