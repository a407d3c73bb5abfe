"""SIP messages: the OPTIONS request of a check, and the answer to it (RFC 3261)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ldirectord_py.address import Address, endpoint
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.runtime.text import as_bytes, printable

_REQUEST = """\
OPTIONS sip:{login} SIP/2.0
Via: SIP/2.0/{transport} {local};branch=z9hG4bK{token};rport
Max-Forwards: 70
To: <sip:{login}>
From: <sip:{login}>;tag={token}
Call-ID: {token}
CSeq: 1 OPTIONS
Contact: <sip:{login}>
Accept: application/sdp
Content-Length: 0

"""

_STATUS = re.compile(rb"SIP/2\.0 ([1-6]\d\d)(?: (.*))?")
_START = re.compile(rb"SIP/2\.0 [1-6]\d\d\b|[A-Z]+ \S.* SIP/2\.0\s*$")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_BRANCH = re.compile(rb";\s*branch\s*=\s*([^\s;,]*)", re.IGNORECASE)
_SHORT: Mapping[bytes, bytes] = {b"v": b"via", b"i": b"call-id"}


@dataclass(frozen=True, slots=True)
class OptionsRequest:
    """An OPTIONS request; ``token`` is unique to it."""

    login: str
    protocol: Protocol
    local: tuple[Address, int]
    token: str

    @property
    def encoded(self) -> bytes:
        """The message as bytes."""
        text = _REQUEST.format(
            login=self.login, transport=self.protocol.name, local=endpoint(*self.local), token=self.token
        )
        return as_bytes(text.replace("\n", "\r\n"))

    def decode(self, data: bytes) -> str:
        """Return the status of the final answer, as ``200 OK``; raises UnrelatedAnswer for another message."""
        first, _, rest = data.lstrip(b"\r\n").partition(b"\n")
        status = _STATUS.fullmatch(first.rstrip(b"\r"))
        if status is None:
            raise UnrelatedAnswer("a SIP request" if is_start_line(first) else "not a SIP message")
        if not self._is_ours(_headers(rest)):
            raise UnrelatedAnswer("a SIP answer to another request")
        words = printable(b" ".join(word for word in status.groups() if word))
        if status[1] < b"200":
            raise UnrelatedAnswer(f"only {words}")
        return words

    def _is_ours(self, headers: Mapping[bytes, bytes]) -> bool:
        branch = _BRANCH.search(headers.get(b"via", b""))
        repeated = (branch and branch[1], headers.get(b"call-id"), headers.get(b"cseq", b"").split())
        token = self.token.encode()
        return repeated == (b"z9hG4bK" + token, token, [b"1", b"OPTIONS"])


def is_start_line(line: bytes) -> bool:
    """Whether the line can be the first one of a SIP message."""
    return _START.match(line) is not None


def _headers(data: bytes) -> Mapping[bytes, bytes]:
    """Return the first header of each name; names are in lower case."""
    headers: dict[bytes, bytes] = {}
    for line in _FOLD.sub(b" ", data).split(b"\n"):
        if not line.strip():
            break
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        headers.setdefault(_SHORT.get(name, name), value.strip())
    return headers
