"""TLS parameters of a check, the contexts that checks share, and TLS between bytes in memory."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.certificate import record_certificate
from ldirectord_py.checks.transport.certificates import VerifyingSSLObject
from ldirectord_py.runtime.weak_cache import WeakCache

_RECORD = 16384
_LEGACY_SERVER_CONNECT = 0x4  # ssl.OP_LEGACY_SERVER_CONNECT, named only from Python 3.12 on


@dataclass(frozen=True, slots=True)
class TlsParameters:
    """The TLS parameters of a connection.

    ``name`` is sent as SNI unless it is an address. With ``verify`` the certificate must be for this name, and from an
    authority in ``ca`` (PEM), or from one that this host trusts if ``ca`` is empty.
    """

    name: str
    verify: bool = False
    ca: str = field(default="", repr=False)

    @property
    def context(self) -> ssl.SSLContext:
        """The context that all checks with equal parameters share."""
        return context(verify=self.verify, ca=self.ca)


def tls_parameters(target: Target) -> TlsParameters:
    """Return the parameters of a check; the name defaults to the server's address."""
    return TlsParameters(server_name(target.tlsname) or str(target.address), target.tlsverify, target.tlsca)


def context(*, verify: bool = False, ca: str = "") -> ssl.SSLContext:
    """Return a context, one for all equal arguments while it is in use; raises ssl.SSLError for an invalid ``ca``.

    Without ``verify`` it accepts old servers: TLS 1.0 and up, any cipher, any certificate. Sessions are never resumed,
    so that each check gets the current certificate.
    """
    return (_contexts if ca else _system_contexts)((verify, ca))


def _create_context(arguments: tuple[bool, str]) -> ssl.SSLContext:
    verify, ca = arguments
    shared = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if verify:
        _strict(shared, ca)
    else:
        _permissive(shared)
    return shared


_contexts = WeakCache(_create_context, recent=8)  # kept until the first probe uses them; making one takes 1 to 20 ms
_system_contexts = cache(_create_context)  # two at most; one that verifies takes 20 ms


def _strict(shared: ssl.SSLContext, ca: str) -> None:
    shared.sslobject_class = VerifyingSSLObject
    shared.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's Python sets none
    shared.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a server's own certificate in ``ca`` is enough
    if ca:
        shared.load_verify_locations(cadata=ca)
    else:
        shared.load_default_certs()


def _permissive(shared: ssl.SSLContext) -> None:
    shared.check_hostname = False
    shared.verify_mode = ssl.CERT_NONE
    shared.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    shared.set_ciphers("DEFAULT:@SECLEVEL=0")
    shared.options |= _LEGACY_SERVER_CONNECT


def server_name(host: str | None) -> str | None:
    """Return a host without its port for SNI; None if TLS cannot carry it as a name."""
    name = (host or "").partition(":")[0].rstrip(".")
    try:
        name.encode("idna")
    except UnicodeError:
        return None
    return None if not name or name.startswith((".", "[")) or "\0" in name else name


class Tls:
    """The client's end of a TLS connection, bytes in and bytes out; raises ssl.SSLError."""

    __slots__ = ("_incoming", "_object", "_outgoing", "ended", "established")

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        # Python sends text through its IDNA codec: 9 us for each connection.
        host = name.encode("ascii") if name.isascii() else name
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.established = False
        self.ended = False

    def handshake(self) -> bool:
        """Continue the handshake; return whether it is done."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.established = True
        record_certificate(self._object)
        return True

    def write(self, data: bytes) -> None:
        """Encrypt bytes to send; only after the handshake."""
        self._object.write(data)

    def read_outgoing(self) -> bytes:
        """Return the encrypted bytes to send now."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def write_incoming(self, data: memoryview | bytes) -> None:
        """Add received encrypted bytes."""
        self._incoming.write(data)

    def decrypted(self) -> Iterator[bytes]:
        """Yield the decrypted bytes received so far; a close_notify of the server ends them and sets ``ended``."""
        try:
            while data := self._object.read(_RECORD):
                yield data
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:
            pass
        self.ended = True
