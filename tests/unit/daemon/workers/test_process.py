"""How a worker ended is told in words, its last among them, and no end is waited for in vain."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ldirectord_py.daemon.workers import process
from ldirectord_py.daemon.workers.messages import decode_update, read_frame
from ldirectord_py.daemon.workers.process import WorkerProcess
from ldirectord_py.runtime import signals


async def ended(monkeypatch: pytest.MonkeyPatch, script: str) -> str:
    monkeypatch.setattr(process, "PROGRAM", (sys.executable, "-c", script))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        return await WorkerProcess(theirs).reap()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", "ended with status 0"),
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("import os; os.kill(os.getpid(), 9)", f"was killed by signal {signal.SIGKILL.value}"),
        ("import no_such_module", "ended with status 1: \"ModuleNotFoundError: No module named 'no_such_module'\""),
        ("import sys; sys.stderr.write('one\\n' * 90000 + 'last\\n\\n')", 'ended with status 0: "last"'),
    ],
)
async def test_how_it_ended(monkeypatch: pytest.MonkeyPatch, script: str, expected: str) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 30.0)
    assert await ended(monkeypatch, script) == expected


async def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.2)
    assert await ended(monkeypatch, "import time; time.sleep(60)") == "was killed by signal 9"


@pytest.mark.slow
async def test_one_that_does_not_end_though_killed_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(process, "PROGRAM", (sys.executable, "-c", "import time; time.sleep(60)"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        employed = WorkerProcess(theirs)
        kill = employed._process.kill
        monkeypatch.setattr(employed._process, "kill", lambda: None)  # as while it waits for a disk
        async with asyncio.timeout(30):
            assert await employed.reap() == "does not end, even killed; is a disk hanging?"
        kill()
        employed._process.wait()


async def test_one_that_cannot_be_started_is_an_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PROGRAM", ("/nonexistent",))
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="nonexistent"):
        WorkerProcess(theirs)


@pytest.mark.slow
async def test_a_signal_to_a_worker_that_only_begins_is_left_to_the_director() -> None:
    """Signals to all processes of a service reach workers too, which had died of them while they were starting."""
    ours, theirs = socket.socketpair()
    with theirs:
        employed = WorkerProcess(theirs)
    for number in signals.HANDLED:
        os.kill(employed.pid, number)
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    async with asyncio.timeout(60):
        assert decode_update(await read_frame(reader)).results == []
    for number in signals.HANDLED:
        os.kill(employed.pid, number)
    writer.close()
    assert await employed.reap() == "ended with status 0"


async def test_one_that_cannot_be_heard_is_not_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    class Crowded:
        def add_reader(self, *_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def popen(*args: Any, **given: Any) -> subprocess.Popen[bytes]:
        process = started(*args, **given)
        begun.append(process.pid)
        return process

    started = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(process, "asyncio", SimpleNamespace(get_running_loop=Crowded))
    monkeypatch.setattr(process, "PROGRAM", (sys.executable, "-c", "import time; time.sleep(60)"))
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="No space left"):
        WorkerProcess(theirs)
    [pid] = begun
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
