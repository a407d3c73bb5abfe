"""A supervisor reads slow messages to their end, and replaces a worker after a fault in the messages."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

from ldirectord_py.checks.base import Check, Result, Target
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.daemon.workers import supervisor
from ldirectord_py.daemon.workers.messages import Assignment, Limits, Update
from ldirectord_py.daemon.workers.supervisor import WorkerSupervisor
from ldirectord_py.health import Verdict

CHECK = Check("connect", Target(ip_address("192.0.2.1"), 80, 1.0), 1.0)


class FakeProcess:
    """Stands in for the process of a worker."""

    pid = 4711

    def __init__(self, theirs: socket.socket) -> None:
        self._theirs = theirs.dup()

    async def reap(self) -> str:
        self._theirs.close()
        return "ended"


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "WorkerProcess", FakeProcess)


async def test_a_message_that_takes_longer_than_the_timeout_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    results = list[tuple[Check, Result]]()
    receiver = WorkerSupervisor(lambda check, result: results.append((check, result)), Limits(1, None))
    receiver.checks[7] = CHECK
    result = Result(Verdict.UP, "well", 0.5)
    message = Update([(7, result)]).encode()
    reader = asyncio.StreamReader()
    wait, parts = asyncio.wait, [message[:4], message[4:]]

    async def wait_for_part(tasks: set[asyncio.Task[bytes]], **arguments: float) -> object:
        if parts:
            reader.feed_data(parts.pop(0))
        else:
            reader.feed_eof()
        return await wait(tasks, timeout=0.01 if parts else arguments["timeout"])

    monkeypatch.setattr(asyncio, "wait", wait_for_part)
    assert await receiver._receive_updates(reader) == ""
    monkeypatch.undo()
    assert results == [(CHECK, result)]
    await receiver.close()


async def test_a_malformed_update_is_a_reason_to_give_the_worker_up() -> None:
    receiver = WorkerSupervisor(lambda check, result: None, Limits(1, None))
    reader = asyncio.StreamReader()
    reader.feed_data(b"\0\0\0\1{")
    assert await receiver._receive_updates(reader) == "sends malformed messages"
    await receiver.close()


async def test_a_fault_in_an_assignment_is_logged_and_the_worker_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(assignment: Assignment) -> bytes:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Assignment, "encode", broken)
    failing = WorkerSupervisor(lambda check, result: None, Limits(1, None))
    failing.add(7, CHECK)
    async with asyncio.timeout(10):
        while len(caplog.messages) < 2:
            await asyncio.sleep(0.01)
    await failing.close()
    assert caplog.messages == [
        "A fault in the messages with worker process 4711",
        "Worker process 4711 is given up; its 1 checks go to a new one in 0.5 s",
    ]
    assert "a fault of ours" in caplog.text


async def test_what_its_processes_count_adds_up() -> None:
    counting = WorkerSupervisor(lambda check, result: None, Limits(1, None))
    for _ in range(2):
        counting._apply(Update(counts=ProbeCounts(1, 0.5, 3)))
    assert counting.counts == ProbeCounts(2, 1.0, 6)
    await counting.close()
