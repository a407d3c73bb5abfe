"""``service = https``: as http, over TLS."""

from __future__ import annotations

from ldirectord_py.checks.base import TLS, Checker, Kind, Target
from ldirectord_py.checks.http1 import USES, HttpCheck


async def check(target: Target) -> str:
    """Return the status line."""
    return await prepare(target)(target)


def prepare(_: Target) -> Checker:
    """Return the checker of one target."""
    return HttpCheck("https")


KIND = Kind("https", check, port=443, uses=USES | TLS | {"virtualhost"}, prepare=prepare)
