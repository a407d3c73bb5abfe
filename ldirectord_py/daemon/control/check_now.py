"""``check-now``: probe servers at once, beside their slots; the results change no state."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.control.connection import Stream
from ldirectord_py.control.protocol import Answer, Code, ControlRequest, RequestError
from ldirectord_py.daemon.control.choice import refuse_excess
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.probe_dispatcher import ProbeDispatcher
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.health import Verdict
from ldirectord_py.runtime.threads import run_in_daemon_thread
from ldirectord_py.server_names import NamedServer, UnknownServerError, find_servers

MAX_SERVERS: Final = 500
"""Servers in one request."""

MAX_CONCURRENT: Final = 20
"""Probes at the same time, of one request."""

MAX_DELAY: Final = 60.0
"""Seconds that a probe may take beyond its own timeout, to wait for its room or to be repeated."""

NAMES_TIMEOUT: Final = 10.0


async def check_now(context: Context, request: ControlRequest) -> Stream:
    """Return the result of each server that the names mean, as soon as it is there."""
    names, compiled = request.texts("names"), context.director.compiled
    refuse_excess(names)
    try:
        servers = await run_in_daemon_thread(lambda: _by_check(compiled, names), NAMES_TIMEOUT)
    except UnknownServerError as error:
        raise RequestError(Code.NOT_FOUND, str(error)) from error
    count = sum(map(len, servers.values()))
    if not 0 < count <= MAX_SERVERS:
        raise RequestError(Code.BAD_REQUEST, f"{count} servers are meant; name 1 to {MAX_SERVERS}")
    return _results(context.probes, servers)


def _by_check(compiled: CompiledConfig, names: Iterable[str]) -> dict[Check | None, list[NamedServer]]:
    """Return the servers that are meant by their checks; equal checks are one, None stands for servers without any.

    Raises UnknownServerError.
    """
    virtuals = compiled.config.virtuals
    servers = dict.fromkeys(server for name in names for server in find_servers(virtuals, name))
    meant = {server.virtual.key for server in servers}
    checks = {
        key: check
        for virtual in map(compiled.virtuals.__getitem__, meant)
        for key, check in zip(virtual.rows.identities, virtual.checks, strict=True)
    }
    grouped: dict[Check | None, list[NamedServer]] = {}
    for server in servers:
        grouped.setdefault(checks[server.key], []).append(server)
    return grouped


async def _results(probes: ProbeDispatcher, servers: Mapping[Check | None, list[NamedServer]]) -> Stream:
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


def _result_fields(server: NamedServer, check: Check | None, result: Result) -> Answer:
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
