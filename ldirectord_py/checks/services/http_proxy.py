"""``service = http_proxy``: an absolute URL, fetched through the server as a proxy."""

from __future__ import annotations

from ldirectord_py.checks.base import Checker, Kind, Target
from ldirectord_py.checks.http1 import USES, HttpCheck


async def check(target: Target) -> str:
    """Return the status line."""
    return await prepare(target)(target)


def prepare(_: Target) -> Checker:
    """Return the checker of one target."""
    return HttpCheck("http_proxy")


KIND = Kind("http_proxy", check, port=3128, uses=USES, prepare=prepare)
