"""``check-now``: probe servers at once, beside their slots; the results change no state."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.control.connection import Stream
from ldirectord_py.control.protocol import Answer, Code, ControlRequest, RequestError
from ldirectord_py.daemon.control.choice import choose_reals
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.probe_dispatcher import ProbeDispatcher
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.health import Verdict

MAX_SERVERS: Final = 500
"""Servers in one request."""

MAX_CONCURRENT: Final = 20
"""Probes at the same time, of one request."""

MAX_DELAY: Final = 60.0
"""Seconds that a probe may take beyond its own timeout, to wait for its room or to be repeated."""


async def check_now(context: Context, request: ControlRequest) -> Stream:
    """Return the result of each server that the names mean, as soon as it is there."""
    compiled = context.director.compiled
    chosen = await choose_reals(compiled, request.texts("names"))
    if not 0 < len(chosen) <= MAX_SERVERS:
        raise RequestError(Code.BAD_REQUEST, f"{len(chosen)} servers are meant; name 1 to {MAX_SERVERS}")
    return _results(context.probes, _by_check(compiled, chosen))


def _by_check(compiled: CompiledConfig, chosen: Iterable[CompiledReal]) -> dict[Check | None, list[CompiledReal]]:
    """Return servers by their checks; equal checks are one, None stands for servers without any."""
    checks = {
        key: check
        for service in {real.key.service for real in chosen}
        for key, check in compiled.virtuals[service].checks_by_key().items()
    }
    grouped: dict[Check | None, list[CompiledReal]] = {}
    for real in chosen:
        grouped.setdefault(checks[real.key], []).append(real)
    return grouped


async def _results(probes: ProbeDispatcher, servers: Mapping[Check | None, list[CompiledReal]]) -> Stream:
    for server in servers.get(None, ()):
        reason = f"not checked (checktype = {server.virtual.checktype.value})"
        yield _result_fields(server, None, Result(Verdict.NONE, reason, 0.0, ReasonCode.NOCHECK))
    turns = asyncio.Semaphore(MAX_CONCURRENT)
    tasks = {asyncio.create_task(_probe(probes, turns, check)): check for check in servers if check is not None}
    left = set(tasks)
    try:
        while left:
            done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                check = tasks[task]
                for server in servers[check]:
                    yield _result_fields(server, check, task.result())
    finally:
        for task in left:
            task.cancel()


async def _probe(probes: ProbeDispatcher, turns: asyncio.Semaphore, check: Check) -> Result:
    async with turns:
        seconds = check.target.timeout + MAX_DELAY
        try:
            async with asyncio.timeout(seconds):
                return await probes.probe_once(check)
        except TimeoutError:
            reason = f"this host did not do the probe within {seconds:g} s"
            return Result(Verdict.NONE, reason, seconds, ReasonCode.SOCKERR)


def _result_fields(server: CompiledReal, check: Check | None, result: Result) -> Answer:
    return {
        "virtual": server.virtual.id,
        "real": str(server.real),
        "name": server.real.name,
        "check": check.kind if check else server.virtual.checktype.value,
        "verdict": result.verdict.name.lower(),
        "code": result.code.value,
        "reason": str(result.reason),
        "ms": round(result.seconds * 1000, 1),
    }
