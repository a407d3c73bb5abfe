"""The messages of LDAPv3 (RFC 4511) that a check sends and receives, as bytes: without I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from ldirectord_py.checks.protocols import ber

BIND_RESPONSE = 0x61
SEARCH_ENTRY = 0x64
SEARCH_DONE = 0x65
SEARCH_REFERENCE = 0x73
EXTENDED_RESPONSE = 0x78
INTERMEDIATE_RESPONSE = 0x79

NO_ATTRIBUTES = ("1.1",)
"""The attributes of a search for the name of an entry only."""

ALL_ATTRIBUTES = ("*", "+")
"""The attributes of a search for all of them, including operational ones."""

MAX_VALUES = 1000
"""Values of an entry that are searched."""

MAX_TEXT = 49152
"""Bytes of the lines of an entry that are searched."""

_BIND_REQUEST, _SIMPLE = 0x60, 0x80
_UNBIND_REQUEST = 0x42
_SEARCH_REQUEST, _PRESENT = 0x63, 0x87
_REFERRAL = 0xA3
_VERSION = 3
_BASE_OBJECT, _DEREFERENCE_THE_BASE = 0, 2
_FALSE = b"\x01\x01\x00"

SUCCESS = 0
_CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "success",
        1: "operationsError",
        2: "protocolError",
        3: "timeLimitExceeded",
        4: "sizeLimitExceeded",
        7: "authMethodNotSupported",
        8: "strongerAuthRequired",
        10: "referral",
        11: "adminLimitExceeded",
        12: "unavailableCriticalExtension",
        13: "confidentialityRequired",
        14: "saslBindInProgress",
        16: "noSuchAttribute",
        17: "undefinedAttributeType",
        18: "inappropriateMatching",
        19: "constraintViolation",
        21: "invalidAttributeSyntax",
        32: "noSuchObject",
        33: "aliasProblem",
        34: "invalidDNSyntax",
        36: "aliasDereferencingProblem",
        48: "inappropriateAuthentication",
        49: "invalidCredentials",
        50: "insufficientAccessRights",
        51: "busy",
        52: "unavailable",
        53: "unwillingToPerform",
        54: "loopDetect",
        80: "other",
    }
)


class Message(NamedTuple):
    """A received message: the ``number`` of our request (0: unsolicited), tag and content of the operation."""

    number: int
    operation: int
    content: memoryview


class Outcome(NamedTuple):
    """The result of an operation: its code, the message of the server, and the first server of a referral."""

    code: int
    diagnostic: bytes
    referral: bytes

    @property
    def name(self) -> str:
        """The name of the code in the RFC."""
        return _CODES.get(self.code, f"result code {self.code}")


def bind(number: int, login: str, passwd: str) -> bytes:
    """Return a simple bind request; it is anonymous if both words are empty."""
    operation = ber.encode(_BIND_REQUEST, ber.integer(_VERSION), ber.text(login), ber.text(passwd, _SIMPLE))
    return ber.encode(ber.SEQUENCE, ber.integer(number), operation)


def search(number: int, base: str, attributes: tuple[str, ...], seconds: int) -> bytes:
    """Return a search request for the entry ``base``, with a time limit of ``seconds``."""
    operation = ber.encode(
        _SEARCH_REQUEST,
        ber.text(base),
        ber.integer(_BASE_OBJECT, ber.ENUMERATED),
        ber.integer(_DEREFERENCE_THE_BASE, ber.ENUMERATED),
        ber.integer(0),  # sizeLimit: none
        ber.integer(seconds),
        _FALSE,  # typesOnly
        ber.text("objectClass", _PRESENT),
        ber.encode(ber.SEQUENCE, *map(ber.text, attributes)),
    )
    return ber.encode(ber.SEQUENCE, ber.integer(number), operation)


def unbind(number: int) -> bytes:
    """Return an unbind request, which has no answer."""
    return ber.encode(ber.SEQUENCE, ber.integer(number), ber.encode(_UNBIND_REQUEST))


def size(data: memoryview) -> int | None:
    """Return the size of the first message in ``data``, None if its header is incomplete; raises Malformed."""
    if data and data[0] != ber.SEQUENCE:
        raise ber.Malformed("no message of LDAP")
    found = ber.extent(data)
    return found and found[1]


def message(data: memoryview) -> Message:
    """Decode a message; raises Malformed."""
    parts = ber.elements(ber.expect(ber.elements(data), ber.SEQUENCE))
    number = ber.decode_integer(ber.expect(parts, ber.INTEGER))
    operation, content = next(parts, (None, data))
    if operation is None or number < 0:
        raise ber.Malformed("no operation" if operation is None else "a negative message number")
    return Message(number, operation, content)


def outcome(content: memoryview) -> Outcome:
    """Return the result of a bind or a search, or of a disconnection; raises Malformed."""
    parts = ber.elements(content)
    code = ber.decode_integer(ber.expect(parts, ber.ENUMERATED))
    ber.expect(parts, ber.OCTET_STRING)  # matchedDN
    diagnostic = bytes(ber.expect(parts, ber.OCTET_STRING))
    tag, referrals = next(parts, (None, content))
    return Outcome(code, diagnostic, first_uri(referrals) if tag == _REFERRAL else b"")


def first_uri(content: memoryview) -> bytes:
    """Return the first URI of a referral or reference; raises Malformed."""
    return bytes(ber.expect(ber.elements(content), ber.OCTET_STRING))


def entry(content: memoryview) -> tuple[bytes, memoryview]:
    """Return the name and the encoded attributes of an entry; raises Malformed."""
    parts = ber.elements(content)
    return bytes(ber.expect(parts, ber.OCTET_STRING)), ber.expect(parts, ber.SEQUENCE)


def attribute_lines(attributes: memoryview) -> bytes:
    """Return the attributes as lines ``name: value``, up to MAX_VALUES and MAX_TEXT; raises Malformed."""
    lines = bytearray()
    for name, value in islice(_values(attributes), MAX_VALUES):
        if len(lines) + len(name) + len(value) + 3 > MAX_TEXT:
            break
        lines += b"%b: %b\n" % (bytes(name), bytes(value))
    return bytes(lines)


def _values(attributes: memoryview) -> Iterator[tuple[memoryview, memoryview]]:
    for tag, attribute in ber.elements(attributes):
        if tag != ber.SEQUENCE:
            raise ber.Malformed("a malformed attribute")
        parts = ber.elements(attribute)
        name = ber.expect(parts, ber.OCTET_STRING)
        for kind, value in ber.elements(ber.expect(parts, ber.SET)):
            if kind != ber.OCTET_STRING:
                raise ber.Malformed("a malformed value")
            yield name, value
