"""Compiles the Perl regular expressions of ``receive`` for bytes, and describes their errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from ldirectord_py.runtime.weak_cache import WeakCache

if TYPE_CHECKING:
    import regex  # otherwise imported with the first pattern: 7 ms

Pattern: TypeAlias = "regex.Pattern[bytes]"

_PERL_ONLY = re.compile(r"\\(?:x\{([0-9A-Fa-f]+)\}|o\{([0-7]+)\}|c([@-_a-z])|(.))", re.DOTALL)

_LETTERS: Mapping[str, str] = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "e": r"\x1b",
}


def compiled(text: str) -> Pattern:
    """Return the pattern as Perl reads it, case-sensitive, ``.`` short of newlines; raises regex.error.

    Equal patterns are one object as long as somebody holds it.
    """
    return _patterns(text)


def _compile(text: str) -> Pattern:
    import regex  # noqa: PLC0415

    translated = _PERL_ONLY.sub(_translate, text)
    raw = translated.encode("utf-8", "surrogateescape")  # not as_bytes: surrogates that stand for no byte are refused
    return regex.compile(raw, flags=regex.VERSION0, cache_pattern=False)


_patterns = WeakCache(_compile, recent=64)  # 0.35 ms each; a configuration has the same one for each server


def pattern_problem(text: str) -> str | None:
    """Return the error of a pattern of ``receive``, or None."""
    import regex  # noqa: PLC0415

    try:
        compiled(text)
    except regex.error as error:
        return str(error)
    except UnicodeEncodeError:
        return "characters that UTF-8 does not have"
    except ValueError as error:  # a flag that patterns of bytes cannot have
        return str(error)
    except (OverflowError, RecursionError):
        return "too large"
    return None


def _translate(match: re.Match[str]) -> str:
    hexadecimal, octal, control, letter = match.groups()
    if hexadecimal or octal:
        return _character(int(hexadecimal, 16) if hexadecimal else int(octal, 8))
    if control:
        return _character(ord(control.upper()) ^ 64)
    return _LETTERS.get(letter, match.group())


def _character(code: int) -> str:
    """Return a pattern of the code's byte, or of its UTF-8 bytes above 255."""
    data = bytes((code,)) if code < 256 else chr(min(code, 0x10FFFF)).encode("utf-8", "surrogatepass")
    escaped = "".join(f"\\x{byte:02x}" for byte in data)
    return escaped if len(data) == 1 else f"(?:{escaped})"
