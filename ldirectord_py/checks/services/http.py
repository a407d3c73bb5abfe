"""``service = http``: an answer of success, or with a status of ``expectstatus``, whose body matches ``receive``."""

from __future__ import annotations

from ldirectord_py.checks.base import Checker, Kind, Target
from ldirectord_py.checks.http1 import USES, HttpCheck


async def check(target: Target) -> str:
    """Return the status line."""
    return await prepare(target)(target)


def prepare(_: Target) -> Checker:
    """Return the checker of one target."""
    return HttpCheck("http")


KIND = Kind("http", check, port=80, uses=USES | {"virtualhost"}, prepare=prepare)
