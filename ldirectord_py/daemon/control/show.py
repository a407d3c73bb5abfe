"""``show``: what is configured, administered and observed of each server, and what the kernel has of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Final

from ldirectord_py.checks.base import Check
from ldirectord_py.control.protocol import Answer, Code, ControlRequest, Lazy, RequestError
from ldirectord_py.daemon.control.choice import MAX_NAMES, choose_reals
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.servers.configured_fields import Fields
from ldirectord_py.daemon.control.servers.knowledge import Knowledge, knowledge
from ldirectord_py.daemon.control.servers.observed_fields import oldest_result, past_results, past_transitions
from ldirectord_py.daemon.control.servers.server_fields import VirtualView
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledReal, CompiledVirtual
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.runtime.slices import one_slice
from ldirectord_py.server_names import find_virtuals
from ldirectord_py.trouble import is_bad

CHECKS_AT_ONCE: Final = 500
"""Checks whose results are looked up in a turn of the event loop: some 0.5 ms."""

REALS_AT_ONCE: Final = 50
"""Servers that are judged in a turn of the event loop: some 1 ms."""

WHICH: Final[dict[str, Callable[[Fields], bool]]] = {
    "all": lambda _: True,
    "trouble": lambda real: bool(real["trouble"]),
    "down": lambda real: is_bad(real["trouble"]),
}
"""Which real servers ``which`` asks for."""

ChosenServers = tuple[CompiledVirtual, Collection[DestinationKey] | None]
"""A virtual, and which of its servers; None for all."""


async def show(context: Context, request: ControlRequest) -> Answer:
    """Return the virtuals with their real servers: those of ``names``, and of these those that ``which`` asks for.

    With ``details`` each has its last results and transitions. The rows are made while they are sent.
    """
    which, details = which_servers(request), request.flag("details")
    chosen = await _choose(context.director.compiled, request.texts("names"))
    known = await _knowledge(context)
    oldest = await _oldest(context, known)
    if which != "all":
        chosen = [await wanted_servers(each, known, WHICH[which]) for each in chosen]
    return {
        "kernel": {"age": known.now.age(known.kernel.at), "error": known.kernel.error},
        "oldest_result": None if oldest is None else known.now.age(oldest),
        "virtuals": Lazy(_virtual_fields(each, known, details=details) for each in chosen),
    }


def which_servers(request: ControlRequest) -> str:
    """Return the argument ``which``: a key of WHICH; raises RequestError."""
    which = request.text("which", "all")
    if which not in WHICH:
        raise RequestError(Code.BAD_REQUEST, f"which has to be one of {', '.join(WHICH)}")
    return which


async def _knowledge(context: Context) -> Knowledge:
    """Return what is known now, for an answer that may take long."""
    director, reading = context.director, await context.usage.read()
    return knowledge(director, dict(director.health), context.transitions, reading)


async def _oldest(context: Context, known: Knowledge) -> float | None:
    """Return when the oldest of the last results was observed."""
    checks = list(context.director.compiled.plan)
    found: list[float] = []
    for start in range(0, len(checks), CHECKS_AT_ONCE):
        async with one_slice():
            in_force = context.director.compiled.plan  # a reload may come in between
            part = (check for check in checks[start : start + CHECKS_AT_ONCE] if check in in_force)
            oldest = oldest_result(known.results, part)
            found += [] if oldest is None else [oldest]
    return min(found, default=None)


async def wanted_servers(chosen: ChosenServers, known: Knowledge, wanted: Callable[[Fields], bool]) -> ChosenServers:
    """Return the servers that are wanted: found in slices, as there may be thousands that are not."""
    view, keys = VirtualView(chosen[0], known), chosen[1]
    reals = [(real, check) for real, check in view.reals() if keys is None or real.key in keys]
    found: set[DestinationKey] = set()
    for start in range(0, len(reals), REALS_AT_ONCE):
        async with one_slice():
            part = (each for each in reals[start : start + REALS_AT_ONCE] if not view.is_well(*each))
        found |= {each[0].key for each in part if wanted(view.real(*each))}
    return chosen[0], found


def _virtual_fields(chosen: ChosenServers, known: Knowledge, *, details: bool) -> Fields:
    view = VirtualView(chosen[0], known)
    return {**view.fields(), "reals": Lazy(_reals(view, chosen[1], known, details=details))}


def _reals(
    view: VirtualView, keys: Collection[DestinationKey] | None, known: Knowledge, *, details: bool
) -> Iterator[Fields]:
    for real, check in view.reals():
        if keys is None or real.key in keys:
            fields = view.real(real, check)
            yield {**fields, **_details(known, real, check)} if details else fields


def _details(known: Knowledge, real: CompiledReal, check: Check | None) -> Fields:
    return {"results": past_results(known, check), "transitions": past_transitions(known, real.key)}


async def _choose(compiled: CompiledConfig, names: Sequence[str]) -> list[ChosenServers]:
    """Return the virtuals and servers that these names mean; raises RequestError for a name that means none."""
    if not names:
        return [(virtual, None) for virtual in compiled.virtuals.values()]
    if len(names) > MAX_NAMES:
        raise RequestError(Code.BAD_REQUEST, f"more than {MAX_NAMES} names")
    keys = set(chain.from_iterable([await _matching(compiled, name) for name in names]))
    return [(each, keys & each.reals.keys()) for each in compiled.virtuals.values() if not keys.isdisjoint(each.reals)]


async def _matching(compiled: CompiledConfig, name: str) -> set[DestinationKey]:
    """Return the servers that a name means; that of a virtual alone means all its servers."""
    try:
        return {real.key for real in await choose_reals(compiled, [name])}
    except RequestError as error:
        if error.code != Code.NOT_FOUND:
            raise
        named = find_virtuals((each.virtual for each in compiled.virtuals.values()), name)
        keys = {key for virtual in named for key in compiled.virtuals[virtual.key].reals}
        if not keys:
            raise
        return keys
