"""What the process that talks to Oracle makes of what the driver says."""

from __future__ import annotations

from typing import Any, Self

import oracledb
import pytest

from ldirectord_py.checks.protocols import oracle_child
from ldirectord_py.errors import BadStatus, CheckFailed

TARGET = {"address": "192.0.2.1", "port": 1521, "timeout": 5, "login": "joe", "passwd": "hunter2"}


class Cursor:
    """A cursor, and its connection."""

    def __init__(self, rows: list[tuple[int]] | None, changed: int = 0, error: str = "") -> None:
        self._rows = rows
        self._error = error
        self.description = None if rows is None else [("1",)]
        self.rowcount = changed
        self.arraysize = self.prefetchrows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cursor(self) -> Self:
        return self

    def execute(self, request: str) -> None:
        assert request == "SELECT 1 FROM dual"
        if self._error:
            raise oracledb.DatabaseError(self._error)

    def fetchone(self) -> tuple[int] | None:
        assert (self.arraysize, self.prefetchrows) == (1, 1)
        return self._rows[0] if self._rows else None


def outcome(monkeypatch: pytest.MonkeyPatch, found: Cursor | Exception, database: str = "SHOP") -> str:
    """Return the word or the reason, and keep with what the driver was called."""

    def connect(**arguments: Any) -> Cursor:
        names = {"sid": "SHOP", "service_name": None} if database == "SHOP" else {"sid": None, "service_name": "shop"}
        assert names.items() <= arguments.items()
        assert (arguments["host"], arguments["user"], arguments["password"]) == ("192.0.2.1", "joe", "hunter2")
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(oracledb, "connect", connect)
    try:
        return oracle_child.query({**TARGET, "database": database, "request": "SELECT 1 FROM dual"})
    except BadStatus as refused:
        return f"refused, {refused}"
    except CheckFailed as failed:
        return str(failed)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Cursor([(1,), (2,)]), "got a row"),
        (Cursor([]), "the query returns no row"),
        (Cursor(None, 2), "2 rows changed"),
        (Cursor(None, 0), "the query returns no row"),
        (
            Cursor([], error="ORA-00942: no such table\nHelp: https://x/"),
            "refused, query failed: ORA-00942: no such table",
        ),
        (
            oracledb.DatabaseError("ORA-01017: invalid username/password; logon denied\nHelp: https://x/"),
            "refused, login refused: ORA-01017: invalid username/password; logon denied",
        ),
        (
            oracledb.DatabaseError("ORA-28000: the account is locked."),
            "refused, login refused: ORA-28000: the account is locked.",
        ),
        (
            oracledb.DatabaseError("ORA-01033: initialization in progress"),
            "refused, ORA-01033: initialization in progress",
        ),
        (
            oracledb.OperationalError("DPY-6005: no (CONNECTION_ID=x==).\nDPY-6000: no. (Similar to ORA-12516)"),
            "refused, listener refused: ORA-12516",
        ),
        (
            oracledb.OperationalError("DPY-6005: cannot connect (CONNECTION_ID=x==).\nDPY-4011: closed"),
            "closed by server (connected, no answer to the login)",
        ),
        (RecursionError(), "malformed answer (RecursionError)"),
    ],
)
def test_what_the_driver_says_in_words(
    monkeypatch: pytest.MonkeyPatch, found: Cursor | Exception, expected: str
) -> None:
    assert expected == outcome(monkeypatch, found)


@pytest.mark.difference("oracle")
def test_a_database_behind_a_slash_is_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(monkeypatch, Cursor([(1,)]), "/shop") == "got a row"
