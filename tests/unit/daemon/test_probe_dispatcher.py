"""The checks of the configuration in force keep to its limits and to those of this host."""

from __future__ import annotations

import asyncio

import pytest

from builders import KINDS, config, virtual
from harness.fakes.scripted import servers
from harness.processes import worker_pids
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.daemon import probe_dispatcher
from ldirectord_py.daemon.probe_dispatcher import ProbeDispatcher
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.health import Verdict


async def _answer_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0.4)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.slow
async def test_at_the_cap_every_server_is_judged_in_its_own_time() -> None:
    results = dict[Check, Result]()
    async with servers() as place:
        port = await place.start(_answer_slowly, "0.0.0.0")  # noqa: S104  so many servers at once
        web = virtual("192.0.2.1:80", *(f"127.0.0.{host}:{port}" for host in range(1, 9)), negotiatetimeout=1)
        dispatcher = ProbeDispatcher(results.__setitem__)
        dispatcher.set_config(compile_config(config(web, maxchecks=2, maxexternal=7), KINDS))
        async with asyncio.timeout(20):
            while len(results) < len(web.reals):
                await asyncio.sleep(0.02)
        await dispatcher.close()
    assert {result.verdict for result in results.values()} == {Verdict.UP}  # the last began after 1.2 s
    assert dispatcher._limits.commands.limit == 7


async def test_F37_more_checks_than_this_host_has_room_for_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(probe_dispatcher, "raise_limit", lambda: 64)
    dispatcher = ProbeDispatcher(lambda check, result: None)
    dispatcher.set_config(compile_config(config(maxchecks=32), KINDS))
    assert caplog.messages == []
    dispatcher.set_config(compile_config(config(maxchecks=33), KINDS))
    assert caplog.messages == ["Of maxchecks=33 only 32 have room under the limit of open files; raise it"]
    await dispatcher.close()


@pytest.mark.slow  # whole processes
async def test_with_fork_others_probe_until_it_is_taken_back() -> None:
    results = list[Check]()
    async with servers() as place:
        port = await place.start(_answer_slowly, "0.0.0.0")  # noqa: S104  so many servers at once
        web = virtual("192.0.2.1:80", *(f"127.0.0.{host}:{port}" for host in range(1, 4)), checkinterval=1)
        dispatcher = ProbeDispatcher(lambda check, result: results.append(check))
        pids = worker_pids(dispatcher._workers)
        for fork, processes in ((True, 2), (False, 0), (True, 2)):
            dispatcher.set_config(compile_config(config(web, fork=fork, workers=2), KINDS))
            results.clear()
            async with asyncio.timeout(20):
                while len(set(results)) < len(web.reals) or len(worker_pids(dispatcher._workers)) != processes:
                    await asyncio.sleep(0.02)
            assert not set(pids) & set(worker_pids(dispatcher._workers))
            pids = worker_pids(dispatcher._workers)
        await dispatcher.close()
