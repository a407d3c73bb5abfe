"""Which certificates are near their end: those of which the alert in docs/monitoring says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

CERTIFICATE_DAYS: Final = 14
"""Days before its end from which on a certificate is near it."""


def certificate_limit(now: float) -> str:
    """Return the time, to the hour and in ISO 8601, before which the certificates end that are near their end ``now``.

    ``now`` is in seconds since the epoch.
    """
    return datetime.fromtimestamp(now + CERTIFICATE_DAYS * 86400, UTC).isoformat()[:13]


def is_near_end(real: Mapping[str, Any], limit: str) -> bool:
    """Return whether the certificate of a real server ends before a limit; it may have ended."""
    end: str | None = real["observed"]["certificate_end"]
    return end is not None and end < limit
