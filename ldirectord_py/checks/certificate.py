"""When the certificate of a server ends, as the handshakes of its checks show it, whether they verify it or not.

Python describes a certificate only after it was verified. Of any other it has the DER, of which this reads one field.
"""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

MAX_CERTIFICATES: Final = 512
"""Certificates whose end is remembered, each with its DER."""

MAX_LENGTH: Final = 16 * 1024
"""Bytes of a certificate; of a longer one nothing is said."""

LATEST: Final = 253_402_128_000.0
"""The latest end that is said, two days before the year 10000, which is that of certificates without an end."""

_SEQUENCE, _INTEGER, _VERSION, _UTC_TIME, _TIME = 0x30, 0x02, 0xA0, 0x17, 0x18
_LONG_FORM = 0x80

_END: ContextVar[float | None] = ContextVar("certificate_end", default=None)


def record_certificate(connection: ssl.SSLObject) -> None:
    """Keep the end of the certificate in a handshake of the running check; the first one of a probe counts."""
    if _END.get() is None and (der := connection.getpeercert(binary_form=True)) and len(der) <= MAX_LENGTH:
        _END.set(expiry(der))


def take_certificate_end() -> float | None:
    """Return the end of the certificate that the probe saw, in seconds since the epoch, None without one; forget it."""
    end = _END.get()
    if end is not None:
        _END.set(None)
    return end


@lru_cache(MAX_CERTIFICATES)  # 0.3 us for each check over TLS instead of 15
def expiry(der: bytes) -> float | None:
    """Return when a certificate ends, in seconds since the epoch, None if the bytes do not say so."""
    try:
        return _not_after(der)
    except (ValueError, IndexError, OverflowError):
        return None


def _not_after(der: bytes) -> float:
    at, end = _content(der, _content(der, 0, len(der), _SEQUENCE)[0], len(der), _SEQUENCE)
    if der[at] == _VERSION:
        at = _content(der, at, end, _VERSION)[1]
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serial number, algorithm, issuer
        at = _content(der, at, end, tag)[1]
    at, end = _content(der, at, end, _SEQUENCE)
    at = _content(der, at, end, _UTC_TIME, _TIME)[1]
    start, stop = _content(der, at, end, _UTC_TIME, _TIME)
    return _seconds(der[start:stop].decode("ascii"), short=der[at] == _UTC_TIME)


def _content(der: bytes, at: int, end: int, *tags: int) -> tuple[int, int]:
    """Return start and end of the content of the element at a place, which must have one of the tags."""
    length, start = der[at + 1], at + 2
    if length >= _LONG_FORM:
        size = length - _LONG_FORM
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    if der[at] not in tags or start + length > end:
        raise ValueError("not a certificate")
    return start, start + length


def _seconds(text: str, *, short: bool) -> float:
    """Return a time of a certificate; a ``short`` year is one from 1950 to 2049."""
    if short:
        text = f"{'19' if text[:2] >= '50' else '20'}{text}"
    if len(text) != len("YYYYMMDDHHMMSSZ"):
        raise ValueError("another form of a time")
    seconds = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
    return min(max(0.0, seconds), LATEST)
