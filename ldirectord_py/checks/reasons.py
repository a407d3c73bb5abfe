"""Short reasons for a failed check: errors of the operating system and excerpts of answers."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Mapping

from ldirectord_py.runtime.text import printable

_LOCAL_FAULTS = frozenset(
    {
        errno.EADDRINUSE,
        errno.EAFNOSUPPORT,
        errno.EIO,
        errno.EPERM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOBUFS,
        errno.ENOSPC,
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
    errno.EACCES: "connect prohibited",
    errno.EPERM: "connect not permitted by this host",
    errno.EADDRINUSE: "no local address or port left",
    errno.EAFNOSUPPORT: "this host does not support this kind of address",
    errno.EINVAL: "invalid address, or a blackhole route",
    errno.EADDRNOTAVAIL: "no local address or port left",
    errno.ENOSPC: "no more sockets can be watched: raise fs.epoll.max_user_watches",
}

_NO_TLS = "no TLS on this port"
_NO_VERSION = "no version of TLS that both accept"

_TLS_WORDS: Mapping[str, str] = {
    "HTTP_REQUEST": _NO_TLS,
    "HTTPS_PROXY_REQUEST": _NO_TLS,
    "NO_CIPHERS_AVAILABLE": _NO_VERSION,
    "NO_PROTOCOLS_AVAILABLE": _NO_VERSION,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "handshake refused by server",
    "TLSV1_ALERT_INTERNAL_ERROR": "internal error of the server",
    "TLSV1_ALERT_PROTOCOL_VERSION": _NO_VERSION,
    "TLSV1_UNRECOGNIZED_NAME": "the server knows no such name",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server asks for a certificate of ours",
    "UNEXPECTED_EOF_WHILE_READING": "closed by server",
    "UNSUPPORTED_PROTOCOL": _NO_VERSION,
    "WRONG_VERSION_NUMBER": _NO_TLS,
}

_WITHOUT_NUMBER: Mapping[type[OSError], str] = {
    ConnectionResetError: "TLS: closed by server in the handshake",  # as event loops raise it
}

_LOCAL_LOOKUP_FAULTS = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_MEMORY, socket.EAI_SYSTEM})
_NO_THREAD = "can't start new thread"


def is_local(error: Exception) -> bool:
    """Whether the error is a fault of this host or its resolver, and says nothing about the server."""
    if not isinstance(error, OSError):
        return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and str(error) == _NO_THREAD)
    if isinstance(error, ssl.SSLError):
        return False
    if isinstance(error, socket.gaierror):
        return error.errno in _LOCAL_LOOKUP_FAULTS
    return error.errno in _LOCAL_FAULTS


def words(error: Exception) -> str:
    """Return the error in a few words, without numbers or addresses."""
    if not isinstance(error, OSError):
        return str(error) or ("out of memory" if isinstance(error, MemoryError) else type(error).__name__)
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None) or "PROTOCOL_ERROR"  # unset where Python itself raised it
        return f"TLS: {_TLS_WORDS.get(reason) or reason.lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return f"name lookup failed: {(error.strerror or 'unknown').lower()}"
    if error.errno is None:
        return str(error) or _WITHOUT_NUMBER.get(type(error), type(error).__name__)
    return _WORDS.get(error.errno) or os.strerror(error.errno).lower()


def excerpt(data: bytes | bytearray, limit: int = 80) -> str:
    """Return at most ``limit`` bytes of an answer in quotes, everything unprintable escaped."""
    return f'"{printable(bytes(data[: limit + 1]), limit)}"'
