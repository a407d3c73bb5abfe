"""Text for logs and messages.

It was decoded from bytes with ``surrogateescape``: each byte that was not UTF-8 is a lone surrogate.
"""

from __future__ import annotations

import codecs
import re

ESCAPED = "ldirectord-escaped"
"""An error handler for encodings, which escapes with ``escape`` what cannot be encoded."""

MAX_PRINTABLE = 1000
"""Bytes of text from elsewhere in a log line."""

MAX_ERROR_LENGTH = 200
"""Characters of the message of an error."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def printable(data: bytes, limit: int = MAX_PRINTABLE) -> str:
    """Return the first ``limit`` bytes as text for a log line, everything unprintable escaped."""
    text = data[:limit].decode("utf-8", "backslashreplace") + ("..." if len(data) > limit else "")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def count_of(number: int, noun: str) -> str:
    """Return ``1 row`` or ``2 rows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def error_text(error: Exception) -> str:
    """Return the message of an error, on one line."""
    text = getattr(error, "strerror", None) or " ".join(map(str, error.args)) or type(error).__name__
    return " ".join(str(text).split())[:MAX_ERROR_LENGTH]


def escape_controls(text: str) -> str:
    """Return the text as one line: control characters, line breaks and lone surrogates escaped."""
    return text if text.isprintable() else _CONTROL.sub(_escape, text)


def escape_surrogates(text: str) -> str:
    r"""Return the text with lone surrogates escaped: those that stand for a byte as ``\xNN``, others as ``\uNNNN``."""
    return _SURROGATE.sub(_escape, text)


def as_bytes(text: str) -> bytes:
    """Return the bytes that the text was decoded from; a surrogate that stands for no byte is escaped."""
    return _NO_BYTE.sub(_escape, text).encode("utf-8", "surrogateescape")


def escape(character: str) -> str:
    """Return the escape sequence of a character."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape(found: re.Match[str]) -> str:
    return _NAMED.get(found.group()) or escape(found.group())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(escape, error.object[error.start : error.end])), error.end


codecs.register_error(ESCAPED, _escaped)
