"""Fields of an answer about servers in the words that commands and the page share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ldirectord_py.runtime.text import count_of


def check_text(configured: Mapping[str, Any]) -> str:
    """Return what is checked: the checktype, and the service if it is negotiated."""
    checktype = str(configured["checktype"])
    negotiates = checktype == "negotiate" or checktype.isdigit()
    return f"{checktype} {configured['service']}" if negotiates else checktype


def observed_state(observed: Mapping[str, Any]) -> str:
    """Return ``up``, ``down``, or ``unknown`` before the first result."""
    up = observed["up"]
    return "unknown" if up is None else "up" if up else "down"


def up_text(virtual: Mapping[str, Any], between: str) -> str:
    """Return how many servers of a virtual are up, as in ``2/3 up``, and how many it lacks for want of an address."""
    unresolved = virtual["configured"]["unresolved"]
    left_out = f", {count_of(unresolved, 'name')} without an address" if unresolved else ""
    return f"{virtual['up']}{between}{virtual['total']} up{left_out}"
