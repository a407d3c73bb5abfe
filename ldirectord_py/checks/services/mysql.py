"""``service = mysql``: log in to MySQL or MariaDB, and get a row from the query ``request``."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.driver import loaded
from ldirectord_py.checks.protocols import sql


async def check(target: Target) -> str:
    """Return ``got a row``, or how many were changed where the request is no query."""
    statement = sql.statement(target)
    session = await loaded("ldirectord_py.checks.protocols.mysql_session")
    word: str = await session.converse(target, statement)
    return word


KIND = Kind("mysql", check, port=3306, uses=sql.USES, needs=sql.NEEDS, driver="aiomysql", extra="mysql")
