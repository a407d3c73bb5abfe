"""TLS on a transport of ours: no verification, old servers welcome, and a close that waits for nobody."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import cache

_RECORD = 16384
_LEGACY_SERVER_CONNECT = 0x4  # ssl.OP_LEGACY_SERVER_CONNECT, named only from Python 3.12 on


@cache
def context() -> ssl.SSLContext:
    """Return the context that all checks share: TLS 1.0 and up, any cipher, any certificate."""
    shared = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    shared.check_hostname = False
    shared.verify_mode = ssl.CERT_NONE
    shared.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    shared.set_ciphers("DEFAULT:@SECLEVEL=0")
    shared.options |= _LEGACY_SERVER_CONNECT
    return shared


def server_name(host: str | None) -> str | None:
    """Return the name to send as SNI, without a port; None where the host is no name that TLS can carry."""
    name = (host or "").partition(":")[0].rstrip(".")
    try:
        name.encode("idna")
    except UnicodeError:
        return None
    return None if not name or name.startswith((".", "[")) or "\0" in name else name


class Tls:
    """The client's end of a TLS connection, bytes in and bytes out; raises ssl.SSLError."""

    __slots__ = ("_incoming", "_object", "_outgoing", "ended", "established")

    def __init__(self, name: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context().wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.established = False
        self.ended = False

    def handshake(self) -> bool:
        """Carry the handshake on; return whether it is done now."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.established = True
        return True

    def write(self, data: bytes) -> None:
        """Take plain bytes to send; only after the handshake."""
        self._object.write(data)

    def take(self) -> bytes:
        """Return what the transport has to send now."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def give(self, data: memoryview | bytes) -> None:
        """Take what the transport received."""
        self._incoming.write(data)

    def plain(self) -> Iterator[bytes]:
        """Yield the plain bytes received so far; the server's goodbye ends them and sets ``ended``."""
        try:
            while data := self._object.read(_RECORD):
                yield data
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:
            pass
        self.ended = True
