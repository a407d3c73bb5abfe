"""The messages of PostgreSQL's protocol 3.0 that a check needs, without I/O."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator

from ldirectord_py.checks.protocols.sql import GOT_ROW, outcome
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed
from ldirectord_py.runtime.text import as_bytes, printable

_SSL_REQUEST_CODE = 80877103  # 1234 << 16 | 5679
SSL_REQUEST = struct.pack("!ii", 8, _SSL_REQUEST_CODE)
TERMINATE = b"X\x00\x00\x00\x04"

_PROTOCOL = 3 << 16
_ROW_COUNT = re.compile(rb"[A-Z]+(?: [0-9]{1,10})? ([0-9]{1,20})\0?")


def startup(user: str, database: str) -> bytes:
    """Return a StartupMessage; an empty database means the one with the name of the user."""
    fields = {"user": user, "database": database, "client_encoding": "UTF8", "application_name": "ldirectord"}
    words = b"".join(text(name) + text(value) for name, value in fields.items() if value)
    return struct.pack("!ii", len(words) + 9, _PROTOCOL) + words + b"\0"


def message(kind: bytes, body: bytes) -> bytes:
    """Return a message of this kind."""
    return kind + struct.pack("!i", len(body) + 4) + body


def query(statement: str) -> bytes:
    """Return the Query message for one or more statements; all servers support simple queries."""
    return message(b"Q", text(statement))


class Results:
    """The results of the statements of a query; the last one counts, as with libpq."""

    def __init__(self) -> None:
        self._rows = 0
        self._last = 0
        self._changed = 0

    def add_row(self) -> int:
        """Count a row of the current statement; return its rows so far."""
        self._rows += 1
        return self._rows

    def end_statement(self, tag: bytes) -> None:
        """End the current statement; ``tag`` is empty for an empty query."""
        self._last, self._rows, self._changed = self._rows, 0, row_count(tag)

    @property
    def word(self) -> str:
        """The word for the last statement; raises CheckFailed if it returned and changed no row."""
        return GOT_ROW if self._last else outcome(self._changed)


def text(value: str) -> bytes:
    """Encode a string of the protocol, without NUL characters."""
    return as_bytes(value.replace("\0", "")) + b"\0"


def header(data: bytes) -> tuple[bytes, int]:
    """Return the kind of a message and the size of its body; raises CheckFailed for an invalid header."""
    kind, size = data[:1], struct.unpack("!I", data[1:])[0]
    if size < 4 or not kind.isalnum():
        raise CheckFailed(f"expected a PostgreSQL message, got {excerpt(data)}")
    return kind, size - 4


def failure(body: bytes) -> tuple[str, str]:
    """Return code and message of an ErrorResponse."""
    fields = dict(_fields(body))
    words = " ".join(printable(fields.get(b"M", b"")).split())
    return printable(fields.get(b"C", b"")[:5]), words or "an error without words"


def _fields(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    for field in body.split(b"\0"):
        if not field:
            return
        yield field[:1], field[1:]


def row_count(tag: bytes) -> int:
    """Return the number of rows in the tag of a statement, such as ``UPDATE 3``."""
    found = _ROW_COUNT.fullmatch(tag[:64])
    return int(found[1]) if found else 0


def md5(user: str, password: str, salt: bytes) -> bytes:
    """Return the body of the answer to an MD5 request."""
    name, secret = map(as_bytes, (user, password))
    inner = hashlib.md5(secret + name, usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode() + b"\0"
