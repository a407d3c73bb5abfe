"""Virtuals and real servers as the request ``show`` describes them, for tests of the page."""

from __future__ import annotations

from typing import Any

from harness import shown

VIRTUAL = "tcp:192.0.2.1:80"


def real(name: str = "10.0.0.1:80", **observed: Any) -> dict[str, Any]:
    """Return a real server."""
    last = {"at": "2026-11-28T08:00:00.000Z", "code": "L4OK", "reason": "connected", "since": None, "successes": 0}
    return shown.real(
        name,
        {**last, **observed},
        virtual=VIRTUAL,
        configured={"weight": 1, "forward": "masq"},
        kernel={"weight": 1, "active": 5, "inactive": 7},
        trouble=["down"] if observed.get("up") is False else [],
    )


def virtual(*reals: dict[str, Any]) -> dict[str, Any]:
    """Return a virtual."""
    configured = {"scheduler": "wrr", "checktype": "connect", "service": "http"}
    return shown.site(*reals, virtual=VIRTUAL, configured=configured)
