"""BER as far as LDAP uses it: definite lengths and tags of one byte, without I/O, copies or recursion."""

from __future__ import annotations

from collections.abc import Iterator

from ldirectord_py.runtime.text import as_bytes

INTEGER = 0x02
OCTET_STRING = 0x04
ENUMERATED = 0x0A
SEQUENCE = 0x30
SET = 0x31

_LONG_FORM = 0x80
_MAX_LENGTH_BYTES = 4
_MAX_INTEGER_BYTES = 4


class Malformed(ValueError):  # noqa: N818  it describes an answer
    """The bytes are not valid; the text is the reason."""


def encode(tag: int, *contents: bytes) -> bytes:
    """Return an element with the tag and the joined contents."""
    content = b"".join(contents)
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(length))) + length + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Return a non-negative integer as an element."""
    return encode(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def text(value: str, tag: int = OCTET_STRING) -> bytes:
    """Return a text as an element, in UTF-8; bytes of the configuration that are not UTF-8 are unchanged."""
    return encode(tag, as_bytes(value))


def extent(data: memoryview) -> tuple[int, int] | None:
    """Return start and end of the first element's content, which may be incomplete; None if its length is."""
    if len(data) < 2:
        return None
    short = data[1]
    if short < _LONG_FORM:
        return 2, 2 + short
    count = short - _LONG_FORM
    if not 0 < count <= _MAX_LENGTH_BYTES:
        raise Malformed(f"a length of {count} bytes" if count else "an indefinite length")
    if len(data) < 2 + count:
        return None
    return 2 + count, 2 + count + int.from_bytes(data[2 : 2 + count], "big")


def elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield tag and content of each element; raises Malformed for an incomplete one."""
    while data:
        found = extent(data)
        if found is None or found[1] > len(data):
            raise Malformed("an element that is cut short")
        begin, end = found
        yield data[0], data[begin:end]
        data = data[end:]


def expect(source: Iterator[tuple[int, memoryview]], tag: int) -> memoryview:
    """Return the content of the next element; raises Malformed unless it has the tag."""
    got, content = next(source, (None, memoryview(b"")))
    if got != tag:
        raise Malformed(f"tag {_shown(got)} instead of {_shown(tag)}")
    return content


def decode_integer(content: memoryview) -> int:
    """Return the value of an integer's content; raises Malformed unless it has one to four bytes."""
    if not 0 < len(content) <= _MAX_INTEGER_BYTES:
        raise Malformed(f"a number of {len(content)} bytes")
    return int.from_bytes(content, "big", signed=True)


def _shown(tag: int | None) -> str:
    return "none" if tag is None else f"0x{tag:02x}"
