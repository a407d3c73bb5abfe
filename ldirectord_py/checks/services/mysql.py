"""``service = mysql``: log in to MySQL or MariaDB, and get a row from the query ``request``."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.driver import load_driver
from ldirectord_py.checks.protocols import sql


async def check(target: Target) -> str:
    """Return ``got a row``, or how many rows a statement other than a query changed."""
    statement = sql.statement(target)
    session = await load_driver("ldirectord_py.checks.protocols.mysql_session")
    word: str = await session.run_statement(target, statement)
    return word


KIND = Kind(
    "mysql", check, port=3306, uses=sql.SQL_FIELDS, needs=sql.NEEDED_DIRECTIVES, driver="aiomysql", extra="mysql"
)
