"""Answers of ``show`` for tests, in few words."""

from __future__ import annotations

from typing import Any

READY = {"state": "ready", "who": None, "since": None, "why": None, "until": None}
OBSERVED: dict[str, Any] = {
    "up": True,
    "since": "2026-11-28T03:12:45.000Z",
    "at": "2026-11-28T03:15:00.000Z",
    "age": 4.2,
    "verdict": "up",
    "code": "L7OK",
    "reason": "200 OK",
    "latency": 0.0123,
    "flapping": False,
    "kept": False,
    "rising": None,
    "overdue": False,
    "failures": 0,
    "failurecount": 3,
    "successes": 1,
    "successcount": 1,
    "transition_count": 1,
    "certificate_end": None,
}
DOWN = {"up": False, "verdict": "down", "code": "L4CON", "reason": "connect refused", "failures": 3}
VIRTUAL: dict[str, Any] = {
    "scheduler": "wrr",
    "persistent": None,
    "service": "http",
    "checktype": "negotiate",
    "checkinterval": 10,
    "unresolved": 0,
}
INTERVALS = {"checkinterval": 10, "fastinterval": None, "downinterval": None}
COUNTS: dict[str, Any] = {
    "no_verdict": {},
    **dict.fromkeys(("stalls", "repeated_probes", "flaps", "panics", "self_doubts"), 0),
    "stalled_seconds": 0.0,
    "lost": dict.fromkeys(("log_lines", "monitorfile_lines", "mails", "notifications"), 0),
}


def real(address: str = "10.1.0.1:80", observed: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    configured = {"weight": 2, "forward": "masq", "lower": 0, "upper": 0, "service": "http", "checktype": "negotiate"}
    return {
        "virtual": "tcp:10.0.0.1:80",
        "real": address,
        "row": address,
        "name": None,
        "configured": {**configured, **INTERVALS},
        "administrative": READY,
        "observed": {**OBSERVED, **(observed or {})},
        "kernel": {"weight": 2, "active": 12, "inactive": 3, "persistent": 0},
        "disagrees": [],
        "trouble": [],
        **fields,
    }


BROKEN = real("10.1.0.2:80", DOWN, trouble=["down"], kernel=None)


def site(*reals: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "virtual": "tcp:10.0.0.1:80",
        "servicename": None,
        "configured": VIRTUAL,
        "up": sum(bool(each["observed"]["up"]) for each in reals),
        "total": len(reals),
        "trouble": [],
        "fallback": None,
        "others": [],
        "reals": list(reals),
        **fields,
    }


def answer(*virtuals: dict[str, Any], error: str | None = None, oldest: float | None = 4.2) -> dict[str, Any]:
    return {"kernel": {"age": 0.1, "error": error}, "oldest_result": oldest, "virtuals": list(virtuals)}
