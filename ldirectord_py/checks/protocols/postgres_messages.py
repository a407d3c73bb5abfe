"""PostgreSQL's protocol 3.0, as much of it as a check speaks: values to bytes and back, without I/O."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator

from ldirectord_py.checks.protocols.sql import GOT_ROW, outcome
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed
from ldirectord_py.runtime.text import as_bytes, printable

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
TERMINATE = b"X\x00\x00\x00\x04"

_PROTOCOL = 3 << 16
_ROW_COUNT = re.compile(rb"[A-Z]+(?: [0-9]{1,10})? ([0-9]{1,20})\0?")


def startup(user: str, database: str) -> bytes:
    """Return the first message; an empty database stands for the one named after the user."""
    fields = {"user": user, "database": database, "client_encoding": "UTF8", "application_name": "ldirectord"}
    words = b"".join(text(name) + text(value) for name, value in fields.items() if value)
    return struct.pack("!ii", len(words) + 9, _PROTOCOL) + words + b"\0"


def message(kind: bytes, body: bytes) -> bytes:
    """Return a message of ours."""
    return kind + struct.pack("!i", len(body) + 4) + body


def query(statement: str) -> bytes:
    """Return the message that carries out a statement or several: the simple query, which all servers speak."""
    return message(b"Q", text(statement))


class Results:
    """What the statements of a query come to, of which the last one counts, as with libpq."""

    def __init__(self) -> None:
        self._rows = 0
        self._last = 0
        self._changed = 0

    def add_row(self) -> int:
        """Take a row of the statement that is being answered; return how many it has so far."""
        self._rows += 1
        return self._rows

    def end_statement(self, tag: bytes) -> None:
        """Take the end of a statement, and its tag: none where there was no statement at all."""
        self._last, self._rows, self._changed = self._rows, 0, row_count(tag)

    @property
    def word(self) -> str:
        """Return the word for the last statement; raises CheckFailed where it has no row and changed none."""
        return GOT_ROW if self._last else outcome(self._changed)


def text(value: str) -> bytes:
    """Return a string as the protocol has it; what cannot be in one is left out."""
    return as_bytes(value.replace("\0", "")) + b"\0"


def header(data: bytes) -> tuple[bytes, int]:
    """Return the kind of a message and the size of its body; raises CheckFailed when it is none."""
    kind, size = data[:1], struct.unpack("!I", data[1:])[0]
    if size < 4 or not kind.isalnum():
        raise CheckFailed(f"expected a PostgreSQL message, got {excerpt(data)}")
    return kind, size - 4


def failure(body: bytes) -> tuple[str, str]:
    """Return the code and the words of an ErrorResponse."""
    fields = dict(_fields(body))
    words = " ".join(printable(fields.get(b"M", b"")).split())
    return printable(fields.get(b"C", b"")[:5]), words or "an error without words"


def _fields(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    for field in body.split(b"\0"):
        if not field:
            return
        yield field[:1], field[1:]


def row_count(tag: bytes) -> int:
    """Return the rows that a completed statement changed or returned, as its tag says: ``UPDATE 3``."""
    found = _ROW_COUNT.fullmatch(tag[:64])
    return int(found[1]) if found else 0


def md5(user: str, password: str, salt: bytes) -> bytes:
    """Return the body of the answer to a challenge for MD5."""
    name, secret = map(as_bytes, (user, password))
    inner = hashlib.md5(secret + name, usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode() + b"\0"
