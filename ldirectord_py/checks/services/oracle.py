"""``service = oracle``: log in to Oracle, and get a row from the query ``request``."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.protocols import sql
from ldirectord_py.checks.protocols.oracle_session import run_statement
from ldirectord_py.errors import InvalidCheck
from ldirectord_py.runtime.text import escape_surrogates


async def check(target: Target) -> str:
    """Return ``got a row``, or how many rows a statement other than a query changed."""
    statement = sql.statement(target)
    if not target.database:
        raise InvalidCheck("database is not set")
    if any(escape_surrogates(text) != text for text in (target.login, target.passwd, target.database, statement)):
        raise InvalidCheck("Oracle's driver takes UTF-8 only: save the configuration as UTF-8")
    return await run_statement(target, statement)


KIND = Kind(
    "oracle",
    check,
    port=1521,
    uses=frozenset({"login", "passwd", "database", "request"}),
    needs=sql.NEEDED_DIRECTIVES | {"database"},
    driver="oracledb",
    extra="oracle",
)
