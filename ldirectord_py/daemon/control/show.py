"""``show``: what is configured, administered and observed of each server, and what the kernel has of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from ldirectord_py.checks.base import Check
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.control.protocol import Answer, Code, ControlRequest, Lazy, RequestError
from ldirectord_py.daemon.control.choice import MAX_NAMES, choose_reals, choose_virtuals, refuse_unknown
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.incident_counts import incident_counts
from ldirectord_py.daemon.control.servers.configured_fields import Fields
from ldirectord_py.daemon.control.servers.knowledge import Knowledge, knowledge
from ldirectord_py.daemon.control.servers.observed_fields import past_results, past_transitions
from ldirectord_py.daemon.control.servers.server_fields import VirtualView
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, CompiledVirtual
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.runtime.slices import in_slices
from ldirectord_py.trouble import WHICH


class ChosenServers(NamedTuple):
    """A virtual, and the keys of some of its servers; None for all."""

    virtual: CompiledVirtual
    keys: Collection[DestinationKey] | None = None

    def reals(self, view: VirtualView) -> Iterator[tuple[CompiledReal, Check | None]]:
        """Yield the servers, each with its check; ``view`` is that of the virtual."""
        return ((real, check) for real, check in view.reals() if self.keys is None or real.key in self.keys)


async def show(context: Context, request: ControlRequest) -> Answer:
    """Return the virtuals with their real servers: those of ``names``, and of these those that ``which`` asks for.

    With ``details`` each has its last results and transitions. The rows are made while they are sent.
    """
    which, details = which_servers(request), request.flag("details")
    named = await _choose(context.director.compiled, request.texts("names"))
    known = await _knowledge(context)
    oldest = await _oldest(context, known)
    chosen = await wanted_servers(named, known, which)
    return {
        "kernel": {"age": known.now.age(known.kernel.at), "error": known.kernel.error},
        "oldest_result": None if oldest is None else known.now.age(oldest),
        "counts": incident_counts(context),
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
    results = await in_slices(map(known.results.last, list(context.director.compiled.plan)))
    return min((last.at for last in results if last is not None), default=None)


async def wanted_servers(chosen: Sequence[ChosenServers], known: Knowledge, which: str) -> list[ChosenServers]:
    """Return of the chosen servers those that are wanted."""
    if which == "all":
        return list(chosen)
    found = set(filter(None, await in_slices(_wanted_keys(chosen, known, WHICH[which]))))
    return [ChosenServers(virtual, found & virtual.reals.keys()) for virtual, _ in chosen]


def _wanted_keys(
    chosen: Iterable[ChosenServers], known: Knowledge, is_wanted: Callable[[Collection[str]], bool]
) -> Iterator[DestinationKey | None]:
    """Yield the key of each server that is wanted, and None for each that is not."""
    for virtual, keys in chosen:
        view = VirtualView(virtual, known)
        for real, check in view.reals():
            is_candidate = (keys is None or real.key in keys) and not view.is_well(real, check)
            yield real.key if is_candidate and is_wanted(view.real(real, check)["trouble"]) else None


def _virtual_fields(chosen: ChosenServers, known: Knowledge, *, details: bool) -> Fields:
    view = VirtualView(chosen.virtual, known)
    return {**view.fields(), "reals": Lazy(_reals(view, chosen, known, details=details))}


def _reals(view: VirtualView, chosen: ChosenServers, known: Knowledge, *, details: bool) -> Iterator[Fields]:
    for real, check in chosen.reals(view):
        fields = view.real(real, check)
        yield {**fields, **_details(known, real, check)} if details else fields


def _details(known: Knowledge, real: CompiledReal, check: Check | None) -> Fields:
    return {"results": past_results(known, check), "transitions": past_transitions(known, real.key)}


async def _choose(compiled: CompiledConfig, names: Sequence[str]) -> list[ChosenServers]:
    """Return the virtuals and servers that these names mean; raises RequestError for a name that means none."""
    if not names:
        return list(map(ChosenServers, compiled.virtuals.values()))
    if len(names) > MAX_NAMES:
        raise RequestError(Code.BAD_REQUEST, f"more than {MAX_NAMES} names")
    keys = set(chain.from_iterable([await _matching(compiled, name) for name in names]))
    virtuals = [each for each in compiled.virtuals.values() if not keys.isdisjoint(each.reals)]
    return [ChosenServers(each, keys & each.reals.keys()) for each in virtuals]


async def _matching(compiled: CompiledConfig, name: str) -> set[DestinationKey]:
    """Return the servers that a name means; that of a virtual alone means all its servers."""
    keys = {real.key for real in await choose_reals(compiled, [name], optional=[name])}
    keys = keys or {key for each in await choose_virtuals(compiled, name) for key in each.reals}
    if not keys:
        await refuse_unknown(compiled.virtuals.values(), name)
    return keys
