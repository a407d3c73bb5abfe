"""The process that talks to one Oracle server once, by the thin mode of Oracle's own driver.

It reads a Target as JSON, says ``logged in`` when it is, and ``up WORD`` or ``down REASON`` at the end.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import sys
from collections.abc import Mapping
from typing import Any

import oracledb

from ldirectord_py.checks.protocols.oracle_words import DOWN, LOGGED_IN, UP
from ldirectord_py.checks.protocols.sql import GOT_ROW, outcome
from ldirectord_py.errors import CheckFailed
from ldirectord_py.runtime.text import printable

MAX_MEMORY = 512 * 2**20
"""Bytes that the process may have."""

_REFUSALS = ("ORA-01005", "ORA-01017", "ORA-01045", "ORA-280")
"""How messages begin that mean that a login is refused."""

_REFUSED = re.compile(r"Similar to (ORA-[0-9]+)")
_UNKNOWN: Mapping[str, str] = {"ORA-12505": "SID", "ORA-12514": "service"}
_NOISE = re.compile(r"\(CONNECTION_ID=[^)]*\)|^DPY-6005: .*$|^Help: .*$", re.MULTILINE)


def main() -> None:
    """Print what becomes of the target on standard input."""
    target = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it would have the password
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    signal.alarm(int(target["timeout"]) + 2)  # should the daemon not be there any more
    try:
        word = f"{UP} {query(target)}"
    except CheckFailed as failed:
        word = f"{DOWN} {failed}"
    print(word, flush=True)  # noqa: T201  to whom it may concern: the daemon


def query(target: Mapping[str, Any]) -> str:
    """Return the word for a server that is well."""
    try:
        connection = _connect(target)
    except oracledb.Error as error:
        raise CheckFailed(_login_reason(error, target["database"])) from None
    except Exception as error:  # noqa: BLE001  the driver raises anything over packets that are none
        raise CheckFailed(f"malformed answer ({type(error).__name__})") from None
    print(LOGGED_IN, flush=True)  # noqa: T201  as above
    try:
        return _row(connection, target["request"])
    except oracledb.Error as error:
        raise CheckFailed(f"query failed: {_words(error)}") from None


def _connect(target: Mapping[str, Any]) -> oracledb.Connection:
    """Return a connection to the SID that ``database`` names, or to the service behind a slash."""
    name = target["database"]
    service, sid = (name[1:], None) if name.startswith("/") else (None, name)
    return oracledb.connect(
        user=target["login"],
        password=target["passwd"],
        host=target["address"],
        port=target["port"],
        service_name=service,
        sid=sid,
        tcp_connect_timeout=target["timeout"],
        program="ldirectord",
    )


def _row(connection: oracledb.Connection, request: str) -> str:
    """Return what came of the statement, of which one row at most is fetched."""
    connection.autocommit = True
    with connection, connection.cursor() as cursor:
        cursor.arraysize = cursor.prefetchrows = 1
        cursor.execute(request)
        if cursor.description is None:
            return outcome(cursor.rowcount)
        return GOT_ROW if cursor.fetchone() else outcome(0)


def _login_reason(error: oracledb.Error, database: str) -> str:
    if found := _REFUSED.search(str(error)):
        what = _UNKNOWN.get(found[1])
        return "listener refused: " + (f'no {what} "{database}" ({found[1]})' if what else found[1])
    words = _words(error)
    if "DPY-4011" in words:
        return "closed by server (connected, no answer to the login)"
    return f"login refused: {words}" if words.startswith(_REFUSALS) else words


def _words(error: oracledb.Error) -> str:
    return printable(" ".join(_NOISE.sub("", str(error)).split()).encode("utf-8", "replace"))
