"""The deadline of a check, and what it means when it passes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from ldirectord_py.checks.phase import phase
from ldirectord_py.errors import CheckFailed, Inconclusive, LdirectordError

OVERSLEPT = 1.0
"""Seconds by which a passed deadline may be noticed late before this host is to blame."""


async def within(seconds: float, check: Awaitable[str]) -> str:
    """Return what ``check`` returns; raises CheckFailed after ``seconds``, Inconclusive if this host slept."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await check
    except Exception:
        if not limit.expired():
            raise
    raise _passed(seconds, asyncio.get_running_loop().time() - (limit.when() or 0.0))


def _passed(seconds: float, late: float) -> LdirectordError:
    if late > OVERSLEPT:
        return Inconclusive(f"this host was {late:.1f} s late to look for the answer")
    reached = phase()
    return CheckFailed(f"no answer within {seconds:g} s" + (f" ({reached})" if reached else ""))
