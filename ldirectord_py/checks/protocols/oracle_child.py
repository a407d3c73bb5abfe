"""The process that runs one query on an Oracle server, with the thin mode of Oracle's driver.

It reads the parameters as JSON, prints ``logged in`` after the login, and ``up WORD`` or ``down REASON`` at the end.
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

from ldirectord_py.checks.protocols.oracle_words import DOWN, LOGGED_IN, REFUSED, UP
from ldirectord_py.checks.protocols.sql import GOT_ROW, outcome
from ldirectord_py.errors import BadStatus, CheckFailed
from ldirectord_py.runtime.core_dumps import forbid_core_dumps
from ldirectord_py.runtime.text import printable

MAX_MEMORY = 512 * 2**20
"""Bytes of memory of the process."""

_REFUSALS = ("ORA-01005", "ORA-01017", "ORA-01045", "ORA-280")
"""Prefixes of the messages for a refused login."""

_REFUSED = re.compile(r"Similar to (ORA-[0-9]+)")
_UNKNOWN: Mapping[str, str] = {"ORA-12505": "SID", "ORA-12514": "service"}
_NOISE = re.compile(r"\(CONNECTION_ID=[^)]*\)|^DPY-6005: .*$|^Help: .*$", re.MULTILINE)


def main() -> None:
    """Run the query that standard input describes, and print the verdict."""
    target = json.load(sys.stdin)
    forbid_core_dumps()
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    signal.alarm(int(target["timeout"]) + 2)  # in case the daemon has ended
    try:
        word = f"{UP} {query(target)}"
    except BadStatus as refused:
        word = f"{REFUSED} {refused}"
    except CheckFailed as failed:
        word = f"{DOWN} {failed}"
    print(word, flush=True)  # noqa: T201  read by the daemon


def query(target: Mapping[str, Any]) -> str:
    """Return the word for a server that passed; raises CheckFailed."""
    try:
        connection = _connect(target)
    except oracledb.Error as error:
        raise _kind_of(error)(_login_reason(error, target["database"])) from None
    except Exception as error:  # noqa: BLE001  the driver raises anything for malformed packets
        raise CheckFailed(f"malformed answer ({type(error).__name__})") from None
    print(LOGGED_IN, flush=True)  # noqa: T201  read by the daemon
    try:
        return _row(connection, target["request"])
    except oracledb.Error as error:
        raise _kind_of(error)(f"query failed: {_error_text(error)}") from None


def _connect(target: Mapping[str, Any]) -> oracledb.Connection:
    """Connect to the SID in ``database``, or to the service name after a slash."""
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
    """Run the statement, fetch at most one row, and return the word for the result."""
    connection.autocommit = True
    with connection, connection.cursor() as cursor:
        cursor.arraysize = cursor.prefetchrows = 1
        cursor.execute(request)
        if cursor.description is None:
            return outcome(cursor.rowcount)
        return GOT_ROW if cursor.fetchone() else outcome(0)


def _kind_of(error: oracledb.Error) -> type[CheckFailed]:
    """Return the type for an error of the server, or for one of the driver."""
    text = str(error)
    return BadStatus if text.startswith("ORA-") or _REFUSED.search(text) else CheckFailed


def _login_reason(error: oracledb.Error, database: str) -> str:
    if found := _REFUSED.search(str(error)):
        what = _UNKNOWN.get(found[1])
        return "listener refused: " + (f'no {what} "{database}" ({found[1]})' if what else found[1])
    words = _error_text(error)
    if "DPY-4011" in words:
        return "closed by server (connected, no answer to the login)"
    return f"login refused: {words}" if words.startswith(_REFUSALS) else words


def _error_text(error: oracledb.Error) -> str:
    return printable(" ".join(_NOISE.sub("", str(error)).split()).encode("utf-8", "replace"))
