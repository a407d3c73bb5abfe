"""The head of an HTTP answer: its status, how its body is framed, where it redirects to.

Only these are looked at. Other header lines may be anything, as servers that pass every other client send lines
without a colon, names with blanks or 8-bit text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed

HEAD_END = re.compile(rb"\n\r?\n")
"""The blank line that ends a head."""

_PROTOCOL = b"HTTP/"
_STATUS_LINE = re.compile(rb"HTTP/\S*[ \t]+([1-9]\d\d)(?:[ \t]+([^\n]*))?\r?\n")
_FIELD = re.compile(rb"\n(content-length|transfer-encoding|location)[ \t]*:(.*(?:\n[ \t].*)*)", re.IGNORECASE)
_LENGTH = re.compile(rb"\s*(\d{1,15})(?:\s|$)")


class Head(NamedTuple):
    """A head: status code and phrase; the ``length`` of the body in bytes, None where it is chunked or unknown."""

    code: int
    phrase: bytes
    length: int | None
    chunked: bool
    location: str | None


def begins(data: bytes | bytearray) -> bool:
    """Whether the data may be how an answer begins; True too while its first line is incomplete."""
    line = data[:81]
    if b"\n" in line:
        return _STATUS_LINE.match(data) is not None
    return line.startswith(_PROTOCOL) or _PROTOCOL.startswith(line)


def head(data: bytes | bytearray) -> Head:
    """Return the fields of a complete head; raises CheckFailed if it is not one of HTTP or contradicts itself."""
    if (status := _STATUS_LINE.match(data)) is None:
        raise CheckFailed(f"not an HTTP answer: {excerpt(data[:81])}")
    lengths = codings = b""
    location = None
    for name, value in _FIELD.findall(data, status.end() - 1):
        match name[0] | 0x20:
            case 0x63:  # c
                lengths = lengths + b"," + value if lengths else value
            case 0x74:  # t
                codings = codings + b"," + value
            case _:
                location = value.strip().decode("utf-8", "surrogateescape")
    coding = _last_coding(codings) if codings else b""
    length = _length(lengths) if lengths and not coding else None
    return Head(int(status[1]), status[2] or b"", length, coding == b"chunked", location)


def _last_coding(values: bytes) -> bytes:
    """Return the coding that was applied last, in lower case; empty where none is named but ``identity``."""
    names = (each.strip().lower() for each in reversed(values.split(b",")))
    return next((name for name in names if name not in {b"", b"identity"}), b"")


def _length(values: bytes) -> int | None:
    """Return the length of the body; values that are no numbers are ignored, as the original's library does."""
    if (value := values.strip()).isdigit() and len(value) <= 15:
        return int(value)
    found = {int(match[1]) for value in values.split(b",") if (match := _LENGTH.match(value))}
    if len(found) > 1:
        raise CheckFailed(f"malformed HTTP answer: Content-Length is both {min(found)} and {max(found)}")
    return found.pop() if found else None
