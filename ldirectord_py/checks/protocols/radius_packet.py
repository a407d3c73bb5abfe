"""RADIUS packets: the Access-Request of a check, and the answer to it (RFC 2865, 3579).

A packet of four attributes is no reason to depend on pyrad, whose client reads dictionaries from files and has its own
socket and timers.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from ldirectord_py.address import Address
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.errors import CheckFailed, InvalidCheck

MAX_PACKET = 4096
"""Bytes of a packet."""

_HEADER = 20
_NO_DIGEST = bytes(16)
_CODES: Mapping[int, str] = {2: "Access-Accept", 3: "Access-Reject", 11: "Access-Challenge"}


class Attribute(IntEnum):
    """The supported attributes."""

    USER_NAME = 1
    USER_PASSWORD = 2
    NAS_IP_ADDRESS = 4
    REPLY_MESSAGE = 18
    MESSAGE_AUTHENTICATOR = 80
    NAS_IPV6_ADDRESS = 95


class RadiusResponse(NamedTuple):
    """An answer: its code as a word, the message for the user, and whether it has a Message-Authenticator.

    Without one only MD5 protects it, so that an attacker on the path can forge it (CVE-2024-3596).
    """

    code: str
    message: bytes
    proved: bool


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request; ``nas`` is our own address, ``authenticator`` 16 random bytes, ``number`` up to 255."""

    login: bytes
    passwd: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    nas: Address
    number: int
    authenticator: bytes

    @property
    def encoded(self) -> bytes:
        """The packet as bytes; raises InvalidCheck if login or password are too long for RADIUS."""
        if len(self.login) > 253 or len(self.passwd) > 128:
            raise InvalidCheck("RADIUS allows logins of 253 bytes and passwords of 128")
        nas = Attribute.NAS_IPV6_ADDRESS if self.nas.version == 6 else Attribute.NAS_IP_ADDRESS
        attributes = (
            _attribute(Attribute.USER_NAME, self.login)
            + _attribute(Attribute.USER_PASSWORD, self._encrypted_password())
            + _attribute(nas, self.nas.packed)
        )
        length = _HEADER + 18 + len(attributes)
        head = struct.pack("!BBH", 1, self.number, length) + self.authenticator
        digest = self._signature(head + _attribute(Attribute.MESSAGE_AUTHENTICATOR, _NO_DIGEST) + attributes)
        return head + _attribute(Attribute.MESSAGE_AUTHENTICATOR, digest) + attributes

    def decode(self, data: bytes) -> RadiusResponse:
        """Return the answer; raises UnrelatedAnswer for another message, CheckFailed for a malformed one."""
        if len(data) < _HEADER:
            raise UnrelatedAnswer("too short for a RADIUS answer")
        code, number, length = struct.unpack_from("!BBH", data)
        if not _HEADER <= length <= min(len(data), MAX_PACKET):
            raise UnrelatedAnswer("a RADIUS packet of wrong length")
        if number != self.number:
            raise UnrelatedAnswer("a RADIUS answer to another request")
        data = data[:length]
        if not hmac.compare_digest(data[4:_HEADER], self._response_authenticator(data)):
            raise UnrelatedAnswer("a RADIUS answer signed with another secret")
        attributes = tuple(_attributes(data))
        proved = self._verify(data, attributes)
        said = b" ".join(data[at:end] for kind, at, end in attributes if kind == Attribute.REPLY_MESSAGE)
        return RadiusResponse(_CODES.get(code, f"RADIUS code {code}"), said, proved)

    def _verify(self, data: bytes, attributes: tuple[tuple[int, int, int], ...]) -> bool:
        """Return whether there is a Message-Authenticator; raises UnrelatedAnswer for a wrong one."""
        signatures = [(at, end) for kind, at, end in attributes if kind == Attribute.MESSAGE_AUTHENTICATOR]
        for at, end in signatures:
            unsigned = data[:4] + self.authenticator + data[_HEADER:at] + _NO_DIGEST + data[end:]
            if not hmac.compare_digest(data[at:end], self._signature(unsigned)):
                raise UnrelatedAnswer("a RADIUS answer with a wrong Message-Authenticator")
        return bool(signatures)

    def _response_authenticator(self, data: bytes) -> bytes:
        return _md5(data[:4] + self.authenticator + data[_HEADER:] + self.secret)

    def _signature(self, packet: bytes) -> bytes:
        return hmac.digest(self.secret, packet, "md5")

    def _encrypted_password(self) -> bytes:
        """Return the password, encrypted as in RFC 2865, 5.2."""
        plain = self.passwd.ljust(max(16, -(-len(self.passwd) // 16) * 16), b"\0")
        hidden, last = b"", self.authenticator
        for at in range(0, len(plain), 16):
            mask = _md5(self.secret + last)
            last = bytes(byte ^ other for byte, other in zip(plain[at : at + 16], mask, strict=True))
            hidden += last
        return hidden


def _attribute(kind: Attribute, value: bytes) -> bytes:
    """Return an attribute; b"" for an empty value, which RADIUS does not allow."""
    return bytes((kind, len(value) + 2)) + value if value else b""


def _attributes(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield type, start and end of the value of each attribute."""
    at = _HEADER
    while at < len(data):
        size = data[at + 1] if at + 1 < len(data) else 0
        if size < 2 or at + size > len(data):
            raise CheckFailed(f"malformed RADIUS answer at byte {at} of {len(data)}")
        yield data[at], at + 2, at + size
        at += size


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()  # RADIUS has nothing else
