"""``service = pgsql``: log in, and get a row from the query ``request``."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.protocols import sql
from ldirectord_py.checks.protocols.postgres_session import connect


async def check(target: Target) -> str:
    """Return ``got a row``, or how many rows a statement other than a query changed."""
    statement = sql.statement(target)
    async with connect(target) as session:
        await session.log_in(target)
        return await session.query(statement)


KIND = Kind("pgsql", check, port=5432, uses=sql.SQL_FIELDS, needs=sql.NEEDED_DIRECTIVES)
