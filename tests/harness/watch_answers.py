"""Answers of ``watch`` for tests, in few words, and what a client makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import shown
from ldirectord_py.control.server_replica import ServerReplica

VIRTUAL = "tcp:192.0.2.1:80"


def real(name: str = "10.0.0.1:80", number: int = 0, **observed: Any) -> dict[str, Any]:
    """Return a real server as ``watch`` describes it."""
    last = {"at": "2026-11-28T08:00:00.000Z", "age": 1.0, "code": "L4OK", "reason": "connected", "since": None}
    return shown.real(
        name,
        {**last, "successes": 0, **observed},
        number=number,
        virtual=VIRTUAL,
        configured={"weight": 1, "forward": "masq"},
        kernel={"weight": 1, "active": 5, "inactive": 7, "persistent": 0},
        trouble=["down"] if observed.get("up") is False else [],
    )


def virtual(*reals: dict[str, Any]) -> dict[str, Any]:
    """Return a virtual as ``show`` describes it."""
    configured = {"scheduler": "wrr", "checktype": "connect", "service": "http", "unresolved": 0}
    return shown.site(*reals, virtual=VIRTUAL, configured=configured)


def update(
    *reals: dict[str, Any],
    virtuals: Sequence[dict[str, Any]] = (),
    results: Sequence[int] = (),
    connections: Sequence[int] = (),
) -> dict[str, Any]:
    """Return an update of ``watch`` as ``ServerReplica`` takes it."""
    about = {"generation": 1, "kernel": {"age": 0.0, "error": None}, "oldest_result": 1.0}
    return {**about, "virtuals": virtuals, "reals": reals, "results": results, "connections": connections}


def whole(*reals: dict[str, Any]) -> dict[str, Any]:
    """Return the first answer of ``watch``: one virtual with these servers."""
    return {**update(), "whole": True, "virtuals": [virtual(*reals)]}


def replica(*reals: dict[str, Any], which: str = "all") -> ServerReplica:
    """Return what a client of ``watch`` has that got these servers at the time 0."""
    made = ServerReplica(which)
    made.apply(whole(*reals), 0.0)
    return made
