"""Virtuals and real servers as the request ``show`` describes them."""

from __future__ import annotations

from typing import Any


def real(name: str = "10.0.0.1:80", **observed: Any) -> dict[str, Any]:
    """Return a real server as ``show`` describes it."""
    result = {"at": "2026-11-28T08:00:00.000Z", "code": "L4OK", "reason": "connected", "latency": 0.0123}
    counts = {"failures": 0, "failurecount": 3, "successes": 0, "successcount": 1}
    return {
        "virtual": "tcp:192.0.2.1:80",
        "real": name,
        "name": None,
        "configured": {"weight": 1, "forward": "masq"},
        "administrative": {"state": "ready", "who": None, "since": None, "why": None, "until": None},
        "observed": {"up": True, "since": None, **result, **counts, **observed},
        "kernel": {"weight": 1, "active": 5, "inactive": 7},
        "disagrees": [],
        "trouble": ["down"] if observed.get("up") is False else [],
    }


def virtual(*reals: dict[str, Any]) -> dict[str, Any]:
    """Return a virtual as ``show`` describes it."""
    return {
        "virtual": "tcp:192.0.2.1:80",
        "servicename": None,
        "configured": {"scheduler": "wrr", "checktype": "connect", "service": "http"},
        "up": sum(bool(each["observed"]["up"]) for each in reals),
        "total": len(reals),
        "trouble": [],
        "fallback": None,
        "others": [],
        "reals": list(reals),
    }
