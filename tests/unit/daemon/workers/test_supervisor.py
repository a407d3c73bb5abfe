"""What a share hears and says: a frame that takes its time is heard whole, a fault ends the talk and is told."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

import pytest

from ldirectord_py.checks.base import Check, Result, Target
from ldirectord_py.daemon.workers import supervisor
from ldirectord_py.daemon.workers.messages import Assignment, Limits, Update
from ldirectord_py.daemon.workers.supervisor import WorkerSupervisor
from ldirectord_py.health import Verdict

CHECK = Check("connect", Target(ip_address("192.0.2.1"), 80, 1.0), 1.0)


class Played:
    """In place of a worker's process."""

    pid = 4711

    def __init__(self, theirs: socket.socket) -> None:
        self._theirs = theirs.dup()

    async def reap(self) -> str:
        self._theirs.close()
        return "ended"


@pytest.fixture(autouse=True)
def _no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "WorkerProcess", Played)


async def test_a_frame_that_takes_longer_than_the_silence_is_heard_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = list[tuple[int, Result]]()
    listens = WorkerSupervisor(lambda number, result: heard.append((number, result)), Limits(1, None))
    listens.checks[7] = CHECK
    result = Result(Verdict.UP, "well", 0.5)
    frame = Update([(7, result)]).frame()
    reader = asyncio.StreamReader()
    wait, parts = asyncio.wait, [frame[:4], frame[4:]]

    async def bit_by_bit(tasks: set[asyncio.Task[bytes]], **given: float) -> object:
        if parts:
            reader.feed_data(parts.pop(0))
        else:
            reader.feed_eof()
        return await wait(tasks, timeout=0.01 if parts else given["timeout"])

    monkeypatch.setattr(asyncio, "wait", bit_by_bit)
    assert await listens._listen(reader) == ""
    monkeypatch.undo()
    assert heard == [(7, result)]
    await listens.close()


async def test_a_fault_in_what_is_said_ends_the_talk_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(work: Assignment) -> bytes:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Assignment, "frame", broken)
    told = WorkerSupervisor(lambda number, result: None, Limits(1, None))
    told.begin(7, CHECK)
    async with asyncio.timeout(10):
        while len(caplog.messages) < 2:
            await asyncio.sleep(0.01)
    await told.close()
    assert caplog.messages == [
        "A fault in what is said to worker process 4711",
        "Worker process 4711 is given up; its 1 checks go to a new one in 0.5 s",
    ]
    assert "a fault of ours" in caplog.text
