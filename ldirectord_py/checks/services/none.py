"""``service = none``: no check, always up."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target


async def check(target: Target) -> str:
    """Return ``not checked``."""
    return "not checked"


KIND = Kind("none", check)
