"""Why a check did not pass, in short words: the operating system's errors and excerpts of answers."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Mapping

_LOCAL_FAULTS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOBUFS,
        errno.EADDRNOTAVAIL,
        errno.ENETDOWN,
        errno.EAGAIN,
    }
)

_WORDS: Mapping[int, str] = {
    errno.ECONNREFUSED: "connect refused",
    errno.ECONNRESET: "reset by server",
    errno.EPIPE: "closed by server",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "connect timed out",
    errno.EACCES: "connect not permitted by this host",
    errno.EPERM: "connect not permitted by this host",
    errno.EADDRNOTAVAIL: "no local address or port left",
}

_LOCAL_LOOKUP_FAULTS = frozenset({socket.EAI_MEMORY, socket.EAI_SYSTEM})


def is_local(error: OSError) -> bool:
    """Whether the error is a fault of this host, which says nothing about the server."""
    if isinstance(error, ssl.SSLError):
        return False
    if isinstance(error, socket.gaierror):
        return error.errno in _LOCAL_LOOKUP_FAULTS
    return error.errno in _LOCAL_FAULTS


def words(error: OSError) -> str:
    """Return the error in a few words, without numbers and addresses."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None) or "protocol error"  # unset where Python itself raised it
        return f"TLS: {reason.lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return f"name lookup failed: {(error.strerror or 'unknown').lower()}"
    if error.errno is None:
        return str(error) or type(error).__name__
    return _WORDS.get(error.errno) or os.strerror(error.errno).lower()


def excerpt(data: bytes | bytearray, limit: int = 80) -> str:
    """Return at most ``limit`` bytes of an answer in quotes, everything unprintable escaped."""
    return f'"{printable(bytes(data[:limit]))}{"..." if len(data) > limit else ""}"'


def printable(data: bytes) -> str:
    """Return the bytes as text for a log line, everything unprintable escaped."""
    text = data.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
