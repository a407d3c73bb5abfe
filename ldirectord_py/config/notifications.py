"""Readers of the directives about notifications; their messages never repeat a URL, which may hold a password."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ldirectord_py.config.commands import command_or_words
from ldirectord_py.config.diagnostics import InvalidValue
from ldirectord_py.config.string_values import maybe_quoted_string
from ldirectord_py.config.values import ValueContext, unquoted_word

NO_NOTIFICATIONS = "none"

_CHARACTERS = re.compile(r"[!-~]+")
_HINT = "write it as in https://host.example/path"


def notify(raw: str, context: ValueContext) -> str:
    """Read a command; "" for none."""
    return "" if unquoted_word(raw, context) == NO_NOTIFICATIONS else command_or_words(raw, context)


def notifyurl(raw: str, context: ValueContext) -> str:
    """Read the URL of a webhook; "" for none."""
    url = maybe_quoted_string(raw, context)
    if url == NO_NOTIFICATIONS:
        return ""
    if not _CHARACTERS.fullmatch(url):
        raise InvalidValue("notifyurl has a blank or a letter that a URL cannot have", f"{_HINT}, others as %XX")
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and not parts.fragment
    except ValueError:  # the port, or brackets
        known = False
    if not known:
        raise InvalidValue("notifyurl is not a URL of http or https", _HINT)
    return url


def notifysecretfile(raw: str, context: ValueContext) -> str:
    """Read the name of a file; "" for none."""
    path = maybe_quoted_string(raw, context)
    if path == NO_NOTIFICATIONS:
        return ""
    if not path.startswith("/"):
        raise InvalidValue("notifysecretfile is not an absolute path", "write it as in /etc/ldirectord.secret")
    return path


def url_origin(url: str) -> str:
    """Return the beginning of a URL without what may be secret: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
