"""The fields, limits and words that the checks of databases share."""

from __future__ import annotations

from ldirectord_py.checks.base import TLS, Target
from ldirectord_py.errors import CheckFailed, InvalidCheck

NEEDED_DIRECTIVES = frozenset({"login", "request"})
"""The directives that a check needs to pass."""

SQL_FIELDS = TLS | {"login", "passwd", "database", "request"}

MAX_RECEIVED = 262144
"""Bytes that a server may send on a connection."""

GOT_ROW = "got a row"

NO_ROW = "the query returns no row"


def statement(target: Target) -> str:
    """Return the statement to send; raises InvalidCheck if it or the login is not set."""
    request = target.request.removeprefix("/").strip()
    if not target.login:
        raise InvalidCheck("login is not set")
    if not request:
        raise InvalidCheck("request is not set")
    return request


def outcome(rows: int) -> str:
    """Return the word for a statement that changed ``rows`` rows and returned none; raises CheckFailed for 0."""
    if not rows:
        raise CheckFailed(NO_ROW)
    return f"{rows} row{'s' if rows > 1 else ''} changed"
