"""DNS messages: the query of a check, and its answer."""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from ldirectord_py.checks.protocols.dns_records import INTERNET, RecordType, record_texts
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.errors import InvalidCheck
from ldirectord_py.runtime.text import as_bytes

MAX_RECORDS = 128
"""Records of an answer that are read."""

_RESPONSE, _OPCODE, _TRUNCATED, _RECURSION = 0x8000, 0x7800, 0x0200, 0x0100
_CODES = (
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
)


class DnsResponse(NamedTuple):
    """An answer: its code as a word, whether it was truncated to fit a datagram, and the text of each record."""

    code: str
    truncated: bool
    records: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and the id that its answer must have."""

    name: str
    type: RecordType
    identity: int

    def __str__(self) -> str:
        return f"{self.name} {self.type.name}"

    @property
    def encoded(self) -> bytes:
        """The message as bytes; raises InvalidCheck for an invalid name."""
        return struct.pack("!6H", self.identity, _RECURSION, 1, 0, 0, 0) + self._question

    @property
    def _question(self) -> bytes:
        try:
            labels = [_label(label) for label in self.name.removesuffix(".").split(".") if self.name != "."]
        except UnicodeError:
            labels = [b""]
        name = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
        if not all(labels) or len(name) > 255:
            raise InvalidCheck(f"request asks for what is not a DNS name: {excerpt(as_bytes(self.name))}")
        return name + struct.pack("!HH", self.type, INTERNET)

    def decode(self, data: bytes) -> DnsResponse:
        """Return the answer; raises UnrelatedAnswer for an answer to another query, CheckFailed for a malformed one."""
        if len(data) < 12:
            raise UnrelatedAnswer("too short for a DNS answer")
        identity, flags, questions, answers = struct.unpack_from("!4H", data)
        if identity != self.identity or not flags & _RESPONSE or flags & _OPCODE:
            raise UnrelatedAnswer("a DNS message that answers no query of ours")
        code, question = flags & 0xF, self._question if questions else b""
        at = 12 + len(question)
        if questions > 1 or data[12:at].lower() != question.lower() or not (questions or code):
            raise UnrelatedAnswer("a DNS answer to another question")
        cut = bool(flags & _TRUNCATED)
        records = () if code or cut else tuple(record_texts(data, at, min(answers, MAX_RECORDS)))
        return DnsResponse(_CODES[code] if code < len(_CODES) else f"RCODE {code}", cut, records)


def _label(text: str) -> bytes:
    """Return a label of a name; one that is not UTF-8 is sent as its bytes. Raises UnicodeError."""
    raw = as_bytes(text)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw if len(raw) < 64 else b""
    return text.encode("idna")


def parse_query(request: str) -> Query:
    """Return the query for ``NAME`` (type A), ``NAME TYPE``, an address (PTR) or nothing (NS of the root)."""
    name, word, more = (*request.split(maxsplit=2), "", "", "")[:3]
    identity = secrets.randbelow(65536)
    if more or word.upper() not in {"", *RecordType.__members__}:
        raise InvalidCheck(f"request is neither NAME nor NAME TYPE, with one of {', '.join(RecordType.__members__)}")
    if word:
        return Query(name, RecordType[word.upper()], identity)
    if not name:
        return Query(".", RecordType.NS, identity)
    try:
        return Query(ip_address(name).reverse_pointer, RecordType.PTR, identity)
    except ValueError:
        return Query(name, RecordType.A, identity)
