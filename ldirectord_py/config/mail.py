"""Readers of the directives about mails."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue
from ldirectord_py.config.model import AlertStatus
from ldirectord_py.config.values import (
    ValueContext,
    quotes_closed,
    strict_word,
    strip_comment,
    suggest,
    unquoted,
    unquoted_word,
)

_STATUSES = ("all", "none", *AlertStatus)


def emailalert(raw: str, context: ValueContext) -> str:
    """Read an address; the quotes around all of it are removed."""
    address = raw if context.line.exact else strip_comment(raw, quotes_closed).strip()
    enclosed = re.fullmatch('"([^"]*)"', address)
    address = enclosed[1] if enclosed else address
    if not address:
        raise InvalidValue("emailalert is empty", "give it a value or leave the line out")
    return address


def emailalertstatus(raw: str, context: ValueContext) -> tuple[AlertStatus, ...]:
    """Read the states that mails are sent about."""
    words = [part.strip() for part in strict_word(raw, context).rstrip(", \t").split(",")]
    if words == [""]:
        context.warn(Diagnostic("no state is named, so no mail is sent", "write emailalertstatus=none"))
        return ()
    for name in words:
        if name not in _STATUSES:
            hint = suggest(name, _STATUSES) or f"write some of {', '.join(_STATUSES)}"
            raise InvalidValue(f'emailalertstatus cannot be "{name}"', hint)
    if "none" in words and len(set(words)) > 1:
        raise InvalidValue('"none" is combined with other states', "write none alone, or leave it out")
    return tuple(status for status in AlertStatus if status in words or "all" in words)


def smtp(raw: str, context: ValueContext) -> str:
    """Read a mail server: a host, and its port if one follows."""
    server = unquoted(unquoted_word(raw, context), context)
    found = re.match(r"([0-9A-Za-z._+-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?", server)
    if found is None or (found[1][0] == "[" and not _is_ipv6(found[1][1:-1])):
        raise InvalidValue("smtp is not a host name or an address", "write smtp=HOST or smtp=HOST:PORT")
    if found[2] and not 1 <= int(found[2][:6]) <= 65535:
        raise InvalidValue("smtp has no port from 1 to 65535", f"write smtp={found[1]}:25", found.start(2))
    if found[0] != server:
        context.warn(Diagnostic("the text after the host is ignored", f"write smtp={found[0]}"))
    return found[0]


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except ValueError:
        return False
