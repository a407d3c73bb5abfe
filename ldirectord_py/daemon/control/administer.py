"""``drain``, ``undrain``, ``disable`` and ``enable``: what operators do to real servers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import chain
from typing import Any, Final

from ldirectord_py.administration import MAX_TEXT, AdministrativeEntry, AdministrativeState, Decision, by_identity
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.control.protocol import Answer, Code, ControlRequest, Lazy, RequestError
from ldirectord_py.daemon.administration.administrator import TooManyEntriesError
from ldirectord_py.daemon.control.choice import choose_entries, choose_reals
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.servers.administrative_fields import READY, entry_fields
from ldirectord_py.daemon.control.who import who

SAVE_TIMEOUT: Final = 3.0
"""Seconds to wait for the state file."""

MAX_ATTEMPTS: Final = 5
"""Attempts to find the servers in a configuration that is still in force when they are found."""

MAX_UNTIL: Final = 10 * 366 * 86_400.0
"""Seconds from now at which a state may end."""

ARGUMENTS: Final = ("names", "virtual", "why", "until", "sudo_user")

Handler = Callable[[Context, ControlRequest], Awaitable[Answer]]


def administer(state: AdministrativeState, *, only: Collection[AdministrativeState] = ()) -> Handler:
    """Return what puts the servers of a request into a state; of those not ready, ``only`` those in these states.

    READY also ends what was done to servers that have left the configuration.
    """

    def fits(entry: AdministrativeEntry | None) -> bool:
        return not only or _state(entry) in only

    async def handle(context: Context, request: ControlRequest) -> Answer:
        decision = Decision(await who(request), time.time(), _why(request), _until(request))
        chosen, left = await _choose(context, request, with_left=state is AdministrativeState.READY)
        before = {real.key: context.director.administered.get(real.key) for real in chosen}
        _administer(context, [real for real in chosen if fits(before[real.key])], state, decision)
        context.administrator.remove_entries([entry for entry in left if fits(entry)], decision)
        after = context.director.administered
        rows = [(real, before[real.key], after.get(real.key)) for real in chosen]
        outages = _without_servers(context, chosen)
        fault = await context.administrator.state_file.saved(SAVE_TIMEOUT)
        servers = chain(
            (_administered_fields(context, *row) for row in rows),
            (_left_fields(entry, None if fits(entry) else entry) for entry in left),
        )
        return {"servers": Lazy(servers), "outages": outages, "kept": not fault, "fault": fault or None}

    return handle


def _administer(
    context: Context, servers: Sequence[CompiledReal], state: AdministrativeState, decision: Decision
) -> None:
    try:
        context.administrator.administer(servers, state, decision)
    except TooManyEntriesError as error:
        raise RequestError(Code.REFUSED, str(error)) from error


async def _choose(
    context: Context, request: ControlRequest, *, with_left: bool
) -> tuple[list[CompiledReal], list[AdministrativeEntry]]:
    """Return the servers that a request means in the configuration in force, which a reload may replace meanwhile.

    With ``with_left`` also the entries of those that have left it.
    """
    names, virtual = request.texts("names"), request.text("virtual", "")
    for _ in range(MAX_ATTEMPTS):
        compiled = context.director.compiled
        left = await choose_entries(context.administrator.left if with_left else (), names, virtual)
        chosen = await choose_reals(compiled, names, virtual, optional=left)
        if context.director.compiled is compiled:
            return chosen, list(by_identity(chain.from_iterable(left.values())).values())
    raise RequestError(Code.REFUSED, "the configuration changes all the time; try again")


def _without_servers(context: Context, chosen: Sequence[CompiledReal]) -> list[str]:
    """Return those virtuals of these servers that have none any more that is up and neither drained nor disabled."""
    director = context.director
    virtuals = [director.compiled.virtuals[service] for service in dict.fromkeys(real.key.service for real in chosen)]
    counted = ((each, each.reals.keys() - director.administered.keys()) for each in virtuals)
    return [each.virtual.id for each, keys in counted if not any(director.health[key].up for key in keys)]


def _administered_fields(
    context: Context, real: CompiledReal, before: AdministrativeEntry | None, after: AdministrativeEntry | None
) -> dict[str, Any]:
    health = context.director.health.get(real.key)
    return {
        "virtual": real.virtual.id,
        "real": str(real.real),
        "name": real.real.name,
        "before": _state(before).value,
        **(entry_fields(after) if after else READY),
        "up": health.up if health else None,
        "left": False,
    }


def _left_fields(entry: AdministrativeEntry, after: AdministrativeEntry | None) -> dict[str, Any]:
    return {
        "virtual": entry.virtual,
        "real": entry.real,
        "name": entry.name.rpartition(":")[0] if entry.name else None,
        "before": entry.state.value,
        **(entry_fields(after) if after else READY),
        "up": None,
        "left": True,
    }


def _state(entry: AdministrativeEntry | None) -> AdministrativeState:
    return entry.state if entry else AdministrativeState.READY


def _why(request: ControlRequest) -> str:
    text = request.text("why", "").strip()
    if len(text) > MAX_TEXT or not text.isprintable():
        raise RequestError(Code.BAD_REQUEST, f"why has to be one line of at most {MAX_TEXT} characters")
    return text


def _until(request: ControlRequest) -> float | None:
    if request.arguments.get("until") is None:
        return None
    seconds, now = request.number("until"), time.time()
    if not now < seconds < now + MAX_UNTIL:
        raise RequestError(Code.BAD_REQUEST, "until has to be a time in the next ten years, in seconds since the epoch")
    return seconds
