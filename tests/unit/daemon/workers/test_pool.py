"""Checks in worker processes: every verdict comes from a worker; none is lost or made up when a worker ends."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from builders import config
from harness.fakes.scripted import Servers, closed_port, servers
from harness.processes import is_running, worker_pids
from harness.waiting import until
from ldirectord_py.checks.base import Check, Result, Target
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.daemon.workers import pool as worker_pool
from ldirectord_py.daemon.workers import process, supervisor, worker
from ldirectord_py.daemon.workers.messages import Assignment, Limits
from ldirectord_py.daemon.workers.pool import WorkerPool, split_limits
from ldirectord_py.daemon.workers.worker import Worker, serve
from ldirectord_py.health import Verdict
from ldirectord_py.runtime.child import Child

pytestmark = pytest.mark.slow  # whole processes

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
LIMITS = Limits(external=3, checks=None)


DIRECTOR = """
import asyncio
from ipaddress import ip_address
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.daemon.workers.messages import Limits
from ldirectord_py.daemon.workers.pool import WorkerPool

async def main():
    reported = set()
    workers = WorkerPool(lambda check, result: reported.add(check))
    checks = [Check("connect", Target(ip_address("127.0.0.1"), port, 5), 1) for port in (1, 2)]
    workers.set_checks(checks, 2, Limits(1, None))
    while len(reported) < 2:
        await asyncio.sleep(0.01)
    print(*(supervisor.pid for supervisor in workers._supervisors), flush=True)
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


class ObservedPool:
    """A pool of workers and the results of its checks."""

    def __init__(self, place: Servers) -> None:
        self.place = place
        self.found: dict[Check, list[Result]] = {}
        self.workers = WorkerPool(lambda check, result: self.found.setdefault(check, []).append(result))

    @property
    def pids(self) -> list[int]:
        return worker_pids(self.workers)

    def verdicts(self) -> set[Verdict]:
        return {result.verdict for results in self.found.values() for result in results}


@asynccontextmanager
async def observe() -> AsyncIterator[ObservedPool]:
    async with servers() as place:
        observed = ObservedPool(place)
        try:
            yield observed
        finally:
            pids = observed.pids
            await observed.workers.close()
            assert [pid for pid in pids if is_running(pid)] == []


async def test_checks_are_distributed_evenly() -> None:
    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        all_checks = checks(10, port)
        observed.workers.set_checks(all_checks, 2, LIMITS)
        await until(lambda: len(observed.found) == 10)
        assert observed.verdicts() == {Verdict.UP}
        assert len(observed.pids) == 2
        assert Counter(supervisor for _, supervisor in observed.workers._assigned.values()).most_common(1)[0][1] == 5


async def test_the_codes_of_results_come_with_them() -> None:
    async with observe() as observed:
        good, refused = checks(2, await observed.place.start(answer))
        connect = Check("connect", Target(good.target.address, closed_port(), 10.0), 0.25)
        observed.workers.set_checks([good, refused, connect], 1, LIMITS)
        await until(lambda: len(observed.found) == 3)
        codes = [observed.found[check][0].code for check in (good, refused, connect)]
        assert codes == [ReasonCode.L7OK, ReasonCode.L4CON, ReasonCode.L4CON]


async def test_F34_a_killed_worker_is_replaced_without_a_verdict(caplog: pytest.LogCaptureFixture) -> None:
    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        observed.workers.set_checks(checks(6, port), 2, LIMITS)
        await until(lambda: len(observed.found) == 6)
        first, second = observed.pids
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(observed.pids) == 2 and first not in observed.pids)
        before = {check: len(results) for check, results in observed.found.items()}
        await until(lambda: all(len(observed.found[check]) > count for check, count in before.items()))
        assert observed.verdicts() == {Verdict.UP}
        assert second in observed.pids
    (message,) = caplog.messages
    assert message.startswith(f"Worker process {first} was killed by signal 9; its 3 checks go to a new one")


async def test_a_silent_worker_is_replaced(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(supervisor, "SILENCE_TIMEOUT", 1.5)
    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        observed.workers.set_checks(checks(2, port), 1, LIMITS)
        await until(lambda: len(observed.found) == 2)
        (pid,) = observed.pids
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: observed.pids not in ([], [pid]))
        observed.found.clear()
        await until(lambda: len(observed.found) == 2)
        assert observed.verdicts() == {Verdict.UP}
    (message,) = caplog.messages
    assert message.startswith(f"Worker process {pid} has been silent for 3 s; its 2 checks go to a new one")


async def test_closing_the_pool_kills_a_worker_that_is_being_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SILENCE_TIMEOUT", 1.5)
    monkeypatch.setattr(process, "EXIT_TIMEOUT", 60.0)
    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        observed.workers.set_checks(checks(2, port), 1, LIMITS)
        await until(lambda: len(observed.found) == 2)
        (pid,) = observed.pids
        waiting = asyncio.Event()
        wait = Child.wait

        async def observed_wait(child: Child) -> int:
            waiting.set()
            return await wait(child)

        monkeypatch.setattr(Child, "wait", observed_wait)
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(30):
            await waiting.wait()
            await observed.workers.close()
        assert not is_running(pid)


async def test_starting_a_worker_is_tried_again_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_descriptors() -> None:
        monkeypatch.setattr(socket, "socketpair", pair)
        raise OSError(errno.EMFILE, "Too many open files")

    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        pair = socket.socketpair
        monkeypatch.setattr(socket, "socketpair", no_descriptors)
        observed.workers.set_checks(checks(2, port), 1, LIMITS)
        await until(lambda: len(observed.found) == 2)
        assert observed.verdicts() == {Verdict.UP}
    expected = "A worker process cannot be started: Too many open files; its 2 checks go to a new one in 0.5 s"
    assert caplog.messages == [expected]


async def test_a_fault_in_the_report_does_not_end_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        (check,) = checks(1, port)
        reported = 0

        def report(check: Check, result: Result) -> None:
            nonlocal reported
            reported += 1
            raise RuntimeError("a fault of ours")

        observed.workers = WorkerPool(report)
        observed.workers.set_checks([check], 1, LIMITS)
        await until(lambda: reported >= 3)
    assert set(caplog.messages) == {f"A result of {check} got lost"}


async def test_F27_a_reload_keeps_a_probe_in_flight() -> None:
    async with observe() as observed:
        port = await observed.place.start(answer_later, "0.0.0.0")  # noqa: S104  so many servers at once
        kept, removed, added = checks(3, port, interval=60)
        observed.workers.set_checks([kept, removed], 1, LIMITS)
        await until(lambda: observed.place.connections == 2)
        observed.workers.set_checks([replace(kept), added], 1, LIMITS)
        await until(lambda: len(observed.found) == 2)
        assert observed.found.keys() == {kept, added}
        assert observed.place.connections == 3


async def test_checks_of_removed_workers_move_to_those_that_stay() -> None:
    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        all_checks = checks(6, port)
        observed.workers.set_checks(all_checks, 3, LIMITS)
        await until(lambda: len(observed.found) == 6)
        for surplus in observed.workers.set_checks(all_checks, 1, LIMITS):
            await surplus.close()
        observed.found.clear()
        await until(lambda: len(observed.found) == 6)
        assert len(observed.pids) == 1


async def test_new_workers_get_their_part_of_the_checks() -> None:
    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        all_checks = checks(6, port)
        observed.workers.set_checks(all_checks, 1, LIMITS)
        await until(lambda: len(observed.found) == 6)
        observed.workers.set_checks(all_checks, 3, LIMITS)
        assert [len(supervisor.checks) for supervisor in observed.workers._supervisors] == [2, 2, 2]
        observed.found.clear()
        await until(lambda: len(observed.found) == 6)
        assert observed.verdicts() == {Verdict.UP}


async def test_workers_ignore_signals_and_end_with_the_director(tmp_path: Path) -> None:
    script = tmp_path / "director.py"
    script.write_text(DIRECTOR)
    director = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    assert director.stdout is not None
    pids = [int(word) for word in (await director.stdout.readline()).split()]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    await asyncio.sleep(0.3)
    assert all(is_running(pid) for pid in pids)
    director.kill()
    await director.wait()
    async with asyncio.timeout(10):
        while any(is_running(pid) for pid in pids):
            await asyncio.sleep(0.02)


def _arguments_and_environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()


async def test_log_lines_of_a_worker_are_logged_and_no_secret_is_among_its_arguments(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with observe() as observed:
        port = await observed.place.start(answer, "0.0.0.0")  # noqa: S104  so many servers at once
        (check,) = checks(1, port)
        observed.workers.set_checks([replace(check, target=replace(check.target, passwd="xyzzy"))], 1, LIMITS)
        await until(lambda: any("200 OK" in message for message in caplog.messages))
        (pid,) = observed.pids
        assert b"xyzzy" not in _arguments_and_environment(pid)
    assert "xyzzy" not in caplog.text


async def test_a_log_line_that_cannot_be_formatted_does_not_fail_the_caller() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _, writer = await asyncio.open_unix_connection(sock=ours)
        worker = Worker(writer)
        worker.handle(logging.LogRecord("plugin", logging.WARNING, __file__, 1, "%d", ("no number",), None))
        assert list(worker._log_lines) == [(logging.WARNING, "plugin", "%d (its arguments do not fit)")]
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
def test_the_limits_of_all_workers_add_up(limits: Limits, workers: int, expected: list[Limits]) -> None:
    assert split_limits(limits, workers) == expected


@pytest.mark.parametrize(
    ("settings", "checks", "expected"),
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
def test_worker_count(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], checks: int, expected: int) -> None:
    monkeypatch.setattr(worker_pool, "cores", lambda: 8)
    assert worker_pool.worker_count(config(**{"fork": True, **settings}).settings, checks) == expected


def test_the_number_of_cores_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = worker_pool.cores()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {*range(before + 1)})
    assert worker_pool.cores() == before


async def test_commands_run_only_in_workers_whose_limit_allows_one() -> None:
    async with observe() as observed:
        target = Target(ip_address("192.0.2.1"), 80, 5.0, command="/bin/true")
        all_checks = [Check("external", replace(target, port=80 + number), 0.5) for number in range(4)]
        observed.workers.set_checks(all_checks, 3, Limits(external=1, checks=None))
        await until(lambda: len(observed.found) == 4)
        assert len({supervisor for _, supervisor in observed.workers._assigned.values()}) == 1
        assert observed.verdicts() == {Verdict.UP}


async def test_a_fault_while_sending_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: Worker) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Worker, "send_updates", broken)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.timeout(10):
                await serve(theirs)
        assert [str(fault) for fault in raised.value.exceptions] == ["a fault of ours"]


async def test_no_probe_begins_while_the_director_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_UNSENT", 0)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _, writer = await asyncio.open_unix_connection(sock=theirs)
        working = Worker(writer)
        flight = working._prober.in_flight

        def limit() -> int:
            return flight.limit

        working.apply(Assignment((), (), Limits(1, 7), logging.INFO))
        assert flight.limit == 7
        working.handle(logging.LogRecord("plugin", logging.WARNING, __file__, 1, "x" * 4_000_000, (), None))
        sending = asyncio.create_task(working.send_updates())
        async with asyncio.timeout(30):
            while flight.limit:
                await asyncio.sleep(0.01)
            working.apply(Assignment((), (), Limits(1, 5), logging.INFO))
            assert limit() == 0
            while limit() != 5:
                await asyncio.to_thread(ours.recv, 2**20)
        sending.cancel()
        writer.transport.abort()


async def test_the_commands_of_a_killed_worker_are_killed(tmp_path: Path) -> None:
    async with observe() as observed:
        pid_file = tmp_path / "pids"
        script = tmp_path / "hangs"
        script.write_text(f"#!/bin/sh\nsleep 600 &\necho $$ $! >>{pid_file}\nwait\n")
        script.chmod(0o755)
        target = Target(ip_address("192.0.2.1"), 80, 300.0, command=str(script))
        observed.workers.set_checks([Check("external", target, 600)], 1, LIMITS)
        await until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
        await until(lambda: observed.workers._supervisors[0]._process is not None)
        worker = observed.workers._supervisors[0]._process
        assert worker is not None
        await until(lambda: bool(worker.commands))
        pids = [int(word) for word in pid_file.read_text().split()]
        os.kill(worker.pid, signal.SIGKILL)
        await until(lambda: not any(is_running(pid) for pid in pids))


async def test_what_workers_count_stays_when_some_of_them_go() -> None:
    workers = WorkerPool(lambda check, result: None)
    workers.set_checks([], 2, LIMITS)
    for supervising in workers._supervisors:
        supervising.counts = ProbeCounts(1, 0.5, 3)
    surplus = workers.set_checks([], 1, LIMITS)
    assert (len(surplus), workers.counts) == (1, ProbeCounts(2, 1.0, 6))
    await asyncio.gather(workers.close(), *(each.close() for each in surplus))


async def test_a_worker_sends_what_it_has_counted_since_the_last_update() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _, writer = await asyncio.open_unix_connection(sock=theirs)
        working = Worker(writer)
        for _ in range(3):
            working._prober.count_repeated()
        assert [working._pop_update().counts.repeated for _ in range(2)] == [3, 0]
        writer.transport.abort()
