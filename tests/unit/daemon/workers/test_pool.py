"""Checks in worker processes: every verdict comes from one, and none is lost or invented when one ends."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from builders import config
from harness.fakes.scripted import Servers, servers
from harness.processes import runs
from ldirectord_py.checks.base import Check, Result, Target
from ldirectord_py.daemon.workers import pool as many
from ldirectord_py.daemon.workers import process, supervisor, worker
from ldirectord_py.daemon.workers.messages import Assignment, Limits
from ldirectord_py.daemon.workers.pool import WorkerPool, split_limits
from ldirectord_py.daemon.workers.worker import Worker, serve
from ldirectord_py.health import Verdict

pytestmark = pytest.mark.slow  # whole processes

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
LIMITS = Limits(external=3, checks=None)


DIRECTOR = """
import asyncio
from ipaddress import ip_address
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.daemon.workers.messages import Limits, Work
from ldirectord_py.daemon.workers.pool import Workers

async def main():
    heard = set()
    workers = Workers(lambda check, result: heard.add(check))
    checks = [Check("connect", Target(ip_address("127.0.0.1"), port, 5), 1) for port in (1, 2)]
    workers.follow(checks, 2, Limits(1, None))
    while len(heard) < 2:
        await asyncio.sleep(0.01)
    print(*workers.pids, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(PAGE)


async def answer_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(2)
    writer.write(PAGE)


def checks(count: int, port: int, interval: float = 0.25, timeout: float = 10.0) -> list[Check]:
    targets = [Target(ip_address(f"127.0.0.{n + 1}"), port, timeout, request="/") for n in range(count)]
    return [Check("http", target, interval) for target in targets]


class Watched:
    """Workers, and what they found."""

    def __init__(self, place: Servers) -> None:
        self.place = place
        self.found: dict[Check, list[Result]] = {}
        self.workers = WorkerPool(lambda check, result: self.found.setdefault(check, []).append(result))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.02)

    def verdicts(self) -> set[Verdict]:
        return {result.verdict for results in self.found.values() for result in results}


@asynccontextmanager
async def watching() -> AsyncIterator[Watched]:
    async with servers() as place:
        watched = Watched(place)
        try:
            yield watched
        finally:
            pids = watched.workers.pids
            await watched.workers.close()
            assert [pid for pid in pids if runs(pid)] == []


async def test_each_worker_has_its_share() -> None:
    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        followed = checks(10, port)
        watched.workers.follow(followed, 2, LIMITS)
        await watched.until(lambda: len(watched.found) == 10)
        assert watched.verdicts() == {Verdict.UP}
        assert len(watched.workers.pids) == 2
        assert Counter(home for _, home in watched.workers._homes.values()).most_common(1)[0][1] == 5


async def test_a_worker_that_is_killed_is_replaced_and_no_verdict_is_invented(caplog: pytest.LogCaptureFixture) -> None:
    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        watched.workers.follow(checks(6, port), 2, LIMITS)
        await watched.until(lambda: len(watched.found) == 6)
        first, second = watched.workers.pids
        os.kill(first, signal.SIGKILL)
        await watched.until(lambda: len(watched.workers.pids) == 2 and first not in watched.workers.pids)
        before = {check: len(results) for check, results in watched.found.items()}
        await watched.until(lambda: all(len(watched.found[check]) > count for check, count in before.items()))
        assert watched.verdicts() == {Verdict.UP}
        assert second in watched.workers.pids
    (message,) = caplog.messages
    assert message.startswith(f"Worker process {first} was killed by signal 9; its 3 checks go to a new one")


async def test_a_worker_that_stands_still_is_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor, "SILENT", 1.5)
    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        watched.workers.follow(checks(2, port), 1, LIMITS)
        await watched.until(lambda: len(watched.found) == 2)
        (pid,) = watched.workers.pids
        os.kill(pid, signal.SIGSTOP)
        await watched.until(lambda: watched.workers.pids not in ([], [pid]))
        watched.found.clear()
        await watched.until(lambda: len(watched.found) == 2)
        assert watched.verdicts() == {Verdict.UP}
    (message,) = caplog.messages
    assert message.startswith(f"Worker process {pid} has been silent for 3 s; its 2 checks go to a new one")


async def test_a_stop_waits_for_no_worker_that_is_being_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SILENT", 1.5)
    monkeypatch.setattr(process, "STOP_SECONDS", 60.0)
    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        watched.workers.follow(checks(2, port), 1, LIMITS)
        await watched.until(lambda: len(watched.found) == 2)
        (pid,) = watched.workers.pids
        ends = asyncio.Event()
        ended = process._ended

        async def note(process: subprocess.Popen[bytes]) -> None:
            ends.set()
            await ended(process)

        monkeypatch.setattr(process, "_ended", note)
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(30):
            await ends.wait()
            await watched.workers.close()
        assert not runs(pid)


async def test_a_worker_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_descriptors() -> None:
        monkeypatch.setattr(socket, "socketpair", pair)
        raise OSError(errno.EMFILE, "Too many open files")

    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        pair = socket.socketpair
        monkeypatch.setattr(socket, "socketpair", no_descriptors)
        watched.workers.follow(checks(2, port), 1, LIMITS)
        await watched.until(lambda: len(watched.found) == 2)
        assert watched.verdicts() == {Verdict.UP}
    told = "A worker process cannot be started: Too many open files; its 2 checks go to a new one in 0.5 s"
    assert caplog.messages == [told]


async def test_a_fault_of_the_listener_does_not_end_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        (check,) = checks(1, port)
        heard = 0

        def report(check: Check, result: Result) -> None:
            nonlocal heard
            heard += 1
            raise RuntimeError("a fault of ours")

        watched.workers = WorkerPool(report)
        watched.workers.follow([check], 1, LIMITS)
        await watched.until(lambda: heard >= 3)
    assert set(caplog.messages) == {f"A result of {check} got lost"}


async def test_a_reload_leaves_the_probe_in_flight_alone() -> None:
    async with watching() as watched:
        port = await watched.place.start(answer_later, "0.0.0.0")  # noqa: S104  so many servers at once
        stays, goes, comes = checks(3, port, interval=60)
        watched.workers.follow([stays, goes], 1, LIMITS)
        await watched.until(lambda: watched.place.connections == 2)
        watched.workers.follow([replace(stays), comes], 1, LIMITS)
        await watched.until(lambda: len(watched.found) == 2)
        assert watched.found.keys() == {stays, comes}
        assert watched.place.connections == 3


async def test_fewer_workers_take_over_what_the_others_had() -> None:
    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        followed = checks(6, port)
        watched.workers.follow(followed, 3, LIMITS)
        await watched.until(lambda: len(watched.found) == 6)
        for surplus in watched.workers.follow(followed, 1, LIMITS):
            await surplus.close()
        watched.found.clear()
        await watched.until(lambda: len(watched.found) == 6)
        assert len(watched.workers.pids) == 1


async def test_more_workers_take_over_a_part_of_what_the_others_had() -> None:
    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        followed = checks(6, port)
        watched.workers.follow(followed, 1, LIMITS)
        await watched.until(lambda: len(watched.found) == 6)
        watched.workers.follow(followed, 3, LIMITS)
        assert [len(supervisor.checks) for supervisor in watched.workers._shares] == [2, 2, 2]
        watched.found.clear()
        await watched.until(lambda: len(watched.found) == 6)
        assert watched.verdicts() == {Verdict.UP}


async def test_workers_leave_signals_to_the_director_and_end_with_it(tmp_path: Path) -> None:
    story = tmp_path / "story.py"
    story.write_text(DIRECTOR)
    director = await asyncio.create_subprocess_exec(sys.executable, str(story), stdout=asyncio.subprocess.PIPE)
    assert director.stdout is not None
    pids = [int(word) for word in (await director.stdout.readline()).split()]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    await asyncio.sleep(0.3)
    assert all(runs(pid) for pid in pids)
    director.kill()
    await director.wait()
    async with asyncio.timeout(10):
        while any(runs(pid) for pid in pids):
            await asyncio.sleep(0.02)


def _shown(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()


async def test_what_a_worker_logs_is_in_the_log_and_no_secret_among_its_arguments(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with watching() as watched:
        port = await watched.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        (check,) = checks(1, port)
        watched.workers.follow([replace(check, target=replace(check.target, passwd="xyzzy"))], 1, LIMITS)
        await watched.until(lambda: any("200 OK" in message for message in caplog.messages))
        (pid,) = watched.workers.pids
        assert b"xyzzy" not in _shown(pid)
    assert "xyzzy" not in caplog.text


async def test_a_line_that_cannot_be_formatted_does_not_fail_who_logs_it() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _, writer = await asyncio.open_unix_connection(sock=ours)
        worker = Worker(writer)
        worker.handle(logging.LogRecord("plugin", logging.WARNING, __file__, 1, "%d", ("no number",), None))
        assert list(worker._lines) == [(logging.WARNING, "plugin", "%d (its arguments do not fit)")]
        writer.close()


@pytest.mark.parametrize(
    ("limits", "workers", "expected"),
    [
        (Limits(50, None), 2, [Limits(25, None), Limits(25, None)]),
        (Limits(1, 100), 3, [Limits(1, 34), Limits(0, 33), Limits(0, 33)]),
        (Limits(5, 4), 3, [Limits(2, 2), Limits(2, 1), Limits(1, 1)]),
        (Limits(5, 2), 0, []),
    ],
)
def test_the_limits_hold_for_all_together(limits: Limits, workers: int, expected: list[Limits]) -> None:
    assert split_limits(limits, workers) == expected


@pytest.mark.parametrize(
    ("given", "checks", "expected"),
    [
        ({"fork": False, "workers": 2}, 1000, 0),
        ({}, 0, 1),
        ({}, 3, 1),
        ({}, 200, 1),
        ({}, 201, 2),
        ({}, 100_000, 8),
        ({"workers": 12}, 3, 12),
        ({"workers": 3, "maxchecks": 2}, 1000, 2),
        ({"maxchecks": 3}, 100_000, 3),
    ],
)
def test_as_many_workers_as_the_checks_are_worth(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], checks: int, expected: int
) -> None:
    monkeypatch.setattr(many, "cores", lambda: 8)
    assert many.worker_count(config(**{"fork": True, **given}).settings, checks) == expected


def test_another_affinity_moves_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    before = many.cores()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(before + 1)})
    assert many.cores() == before


async def test_commands_run_only_where_one_may() -> None:
    async with watching() as watched:
        target = Target(ip_address("192.0.2.1"), 80, 5.0, command="/bin/true")
        followed = [Check("external", replace(target, port=80 + number), 0.5) for number in range(4)]
        watched.workers.follow(followed, 3, Limits(external=1, checks=None))
        await watched.until(lambda: len(watched.found) == 4)
        assert len({home for _, home in watched.workers._homes.values()}) == 1
        assert watched.verdicts() == {Verdict.UP}


async def test_a_worker_that_can_say_nothing_any_more_ends_with_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: Worker) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Worker, "tell", broken)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.timeout(10):
                await serve(theirs)
        assert [str(fault) for fault in raised.value.exceptions] == ["a fault of ours"]


async def test_what_a_director_that_does_not_read_says_begins_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "UNSENT", 0)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _, writer = await asyncio.open_unix_connection(sock=theirs)
        working = Worker(writer)
        flight = working._monitor.in_flight

        def limit() -> int:
            return flight.limit

        working.apply(Assignment((), (), Limits(1, 7), logging.INFO))
        assert flight.limit == 7
        working.handle(logging.LogRecord("plugin", logging.WARNING, __file__, 1, "x" * 4_000_000, (), None))
        telling = asyncio.create_task(working.tell())
        async with asyncio.timeout(30):
            while flight.limit:
                await asyncio.sleep(0.01)
            working.apply(Assignment((), (), Limits(1, 5), logging.INFO))
            assert limit() == 0
            while limit() != 5:
                await asyncio.to_thread(ours.recv, 2**20)
        telling.cancel()
        writer.transport.abort()


async def test_the_commands_of_a_worker_that_is_killed_end_with_it(tmp_path: Path) -> None:
    async with watching() as watched:
        told = tmp_path / "pids"
        script = tmp_path / "hangs"
        script.write_text(f"#!/bin/sh\nsleep 600 &\necho $$ $! >>{told}\nwait\n")
        script.chmod(0o755)
        target = Target(ip_address("192.0.2.1"), 80, 300.0, command=str(script))
        watched.workers.follow([Check("external", target, 600)], 1, LIMITS)
        await watched.until(lambda: told.exists() and told.read_text().endswith("\n"))
        await watched.until(lambda: watched.workers._shares[0]._employment is not None)
        worker = watched.workers._shares[0]._employment
        assert worker is not None
        await watched.until(lambda: bool(worker.commands))
        pids = [int(word) for word in told.read_text().split()]
        os.kill(worker.pid, signal.SIGKILL)
        await watched.until(lambda: not any(runs(pid) for pid in pids))
