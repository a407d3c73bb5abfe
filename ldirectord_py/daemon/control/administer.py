"""``drain``, ``undrain``, ``disable`` and ``enable``: what operators do to real servers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from ldirectord_py.administration import MAX_TEXT, AdministrativeEntry, AdministrativeState, Decision
from ldirectord_py.control.protocol import Answer, Code, ControlRequest, Lazy, RequestError
from ldirectord_py.daemon.administration.administrator import TooManyEntriesError
from ldirectord_py.daemon.control.choice import choose_reals
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.server_fields import READY, entry_fields
from ldirectord_py.daemon.control.who import who
from ldirectord_py.daemon.reconciler.compiled_config import CompiledReal

SAVE_TIMEOUT: Final = 3.0
"""Seconds to wait for the state file."""

MAX_ATTEMPTS: Final = 5
"""Attempts to find the servers in a configuration that is still in force when they are found."""

MAX_UNTIL: Final = 10 * 366 * 86_400.0
"""Seconds from now at which a state may end."""

ARGUMENTS: Final = ("names", "virtual", "why", "until", "sudo_user")

Handler = Callable[[Context, ControlRequest], Awaitable[Answer]]


def administer(state: AdministrativeState, *, only: Collection[AdministrativeState] = ()) -> Handler:
    """Return what puts the servers of a request into a state; of those not ready, ``only`` those in these states."""

    async def handle(context: Context, request: ControlRequest) -> Answer:
        decision = Decision(await who(request), time.time(), _why(request), _until(request))
        chosen = await _choose(context, request)
        before = {real.key: context.director.administered.get(real.key) for real in chosen}
        fitting = [real for real in chosen if not only or _state(before[real.key]) in only]
        try:
            context.administrator.administer(fitting, state, decision)
        except TooManyEntriesError as error:
            raise RequestError(Code.REFUSED, str(error)) from error
        after = context.director.administered
        rows = [(real, before[real.key], after.get(real.key)) for real in chosen]
        fault = await context.administrator.state_file.saved(SAVE_TIMEOUT)
        return {
            "servers": Lazy(_administered_fields(context, *row) for row in rows),
            "kept": not fault,
            "fault": fault or None,
        }

    return handle


async def _choose(context: Context, request: ControlRequest) -> list[CompiledReal]:
    """Return the servers that a request means in the configuration in force, which a reload may replace meanwhile."""
    for _ in range(MAX_ATTEMPTS):
        compiled = context.director.compiled
        chosen = await choose_reals(compiled, request.texts("names"), request.text("virtual", ""))
        if context.director.compiled is compiled:
            return chosen
    raise RequestError(Code.REFUSED, "the configuration changes all the time; try again")


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
