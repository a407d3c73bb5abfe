"""The requests of the control socket, one row for each; related ones share a file. docs/control.md describes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ldirectord_py.administration import AdministrativeState
from ldirectord_py.control.connection import RequestRoute, Stream
from ldirectord_py.control.protocol import Answer, ControlRequest
from ldirectord_py.control.rights import Right
from ldirectord_py.daemon.control.administer import ARGUMENTS, administer
from ldirectord_py.daemon.control.check_now import check_now
from ldirectord_py.daemon.control.connections import connections
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.counters import counters
from ldirectord_py.daemon.control.events import events
from ldirectord_py.daemon.control.reload import reload
from ldirectord_py.daemon.control.show import show
from ldirectord_py.daemon.control.status import status
from ldirectord_py.daemon.control.watch import watch

READY, DRAIN, DISABLED = AdministrativeState


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request: what returns its answer or a stream of answers, the right that it needs, and its arguments."""

    handle: Callable[[Context, ControlRequest], Awaitable[Answer | Stream]]
    right: Right
    arguments: tuple[str, ...] = ()


REQUESTS: Final[Mapping[str, RequestInfo]] = {
    "status": RequestInfo(status, Right.LOOK),
    "reload": RequestInfo(reload, Right.STEER),
    "check-now": RequestInfo(check_now, Right.STEER, ("names",)),
    "drain": RequestInfo(administer(DRAIN), Right.STEER, ARGUMENTS),
    "undrain": RequestInfo(administer(READY, only=(READY, DRAIN)), Right.STEER, ARGUMENTS),
    "disable": RequestInfo(administer(DISABLED), Right.STEER, ARGUMENTS),
    "enable": RequestInfo(administer(READY), Right.STEER, ARGUMENTS),
    "show": RequestInfo(show, Right.LOOK, ("names", "which", "details")),
    "watch": RequestInfo(watch, Right.LOOK, ("which",)),
    "counters": RequestInfo(counters, Right.LOOK),
    "events": RequestInfo(events, Right.LOOK, ("since", "since_time", "epoch", "follow")),
    "connections": RequestInfo(connections, Right.LOOK, ("servers",)),
}


def routes(context: Context) -> dict[str, RequestRoute]:
    """Return the requests as the server needs them."""
    return {
        name: RequestRoute(info.right, frozenset(info.arguments), partial(info.handle, context))
        for name, info in REQUESTS.items()
    }
