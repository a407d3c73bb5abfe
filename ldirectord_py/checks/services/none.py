"""``service = none``: no check, always up."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.progress import NOT_PROBED, set_progress


async def check(target: Target) -> str:
    """Return ``not checked``."""
    set_progress(NOT_PROBED)
    return "not checked"


KIND = Kind("none", check)
