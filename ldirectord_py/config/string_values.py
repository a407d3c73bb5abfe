"""Readers of texts, with or without quotes."""

from __future__ import annotations

import re

from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue
from ldirectord_py.config.lines import TAB
from ldirectord_py.config.values import HASH_IN_QUOTES, ValueContext, quotes_closed, strip_comment, unquoted_word

TYPOGRAPHIC_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b"


def free_text(raw: str, context: ValueContext) -> str:
    """Read free text; keep trailing blanks, as in the original, unless a comment follows."""
    if context.line.exact:
        return raw
    kept, sign, _ = raw.partition("#")
    if not sign and kept.endswith("\r"):
        context.warn(Diagnostic("the carriage return at the end becomes part of the value", "remove it", len(kept) - 1))
    return (kept.rstrip() if sign else kept).replace("\t", " " * TAB)


def nonempty(raw: str, context: ValueContext) -> str:
    """Read text that is not empty, with its quotes; a comment needs a blank before it."""
    value = raw if context.line.exact else strip_comment(raw, quotes_closed, spaced=True).strip()
    if not value:
        raise InvalidValue(f"{context.line.name} is empty", "give it a value or leave the line out")
    return value


def virtualhost(raw: str, context: ValueContext) -> str:
    """Read a host name with or without quotes; ignore text after the closing quote."""
    if context.line.exact:
        return raw
    return free_text(raw, context).removeprefix('"').partition('"')[0]


def quoted_string(raw: str, context: ValueContext) -> str:
    """Read a string that the original requires to be quoted; the last quote of the line ends it."""
    return _string(raw, context, quotes_optional=False)


def maybe_quoted_string(raw: str, context: ValueContext) -> str:
    """Read a string with or without quotes."""
    return _string(raw, context, quotes_optional=True)


def _string(raw: str, context: ValueContext, *, quotes_optional: bool) -> str:
    if context.line.exact:
        value = raw
    elif raw.startswith('"'):
        value = _quoted(raw, context)
    else:
        value = _unquoted(raw, context, quotes_optional=quotes_optional)
    if not value:
        raise InvalidValue(f"{context.line.name} is empty", "give it a value or leave the line out")
    return value.replace("\t", " " * TAB)


def _quoted(raw: str, context: ValueContext) -> str:
    kept = strip_comment(raw, lambda quotes: quotes != 1)
    end = kept.rfind('"')
    if end == 0:
        raise InvalidValue("the string is not closed", 'end it with "')
    if "#" in kept[:end]:
        context.warn(Diagnostic(*HASH_IN_QUOTES, kept.index("#")))
    if kept[end + 1 :].strip():
        context.warn(Diagnostic("the text after the closing quote is ignored", "remove it", end + 1))
    return kept[1:end]


def _unquoted(raw: str, context: ValueContext, *, quotes_optional: bool) -> str:
    name = context.line.name
    if raw and raw[0] in TYPOGRAPHIC_QUOTES:
        raise InvalidValue("typographic quotes do not enclose a string", f'write {name}="..." with plain quotes')
    if raw.startswith("'"):
        return _single_quoted(raw, context, quotes_optional=quotes_optional)
    if not quotes_optional and re.search(r"\S#", raw):
        raise InvalidValue("a # in a value without quotes is ambiguous", f'write {name}="..."')
    value = unquoted_word(raw)
    if value and not quotes_optional:
        context.warn(Diagnostic("the value is not quoted", f'write {name}="..."'))
    return value


def _single_quoted(raw: str, context: ValueContext, *, quotes_optional: bool) -> str:
    """Remove single quotes from a command or a path, since the original passes some of them to a shell."""
    name, value = context.line.name, unquoted_word(raw)
    if not quotes_optional or len(value) < 2 or not value.endswith("'"):
        raise InvalidValue("single quotes do not enclose a string", f'write {name}="..."')
    context.warn(Diagnostic("single quotes are read like double ones", f'write {name}="..."'))
    return value[1:-1]
