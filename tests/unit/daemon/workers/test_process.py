"""The end of a worker process is described with its last line of output, and nothing waits for it without a limit."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ldirectord_py.daemon.workers import process
from ldirectord_py.daemon.workers.messages import decode_update, read_message
from ldirectord_py.daemon.workers.process import WorkerProcess
from ldirectord_py.runtime import output, signals

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


async def run(monkeypatch: pytest.MonkeyPatch, script: str) -> str:
    """Run a script as a worker whose socket is closed; returns the description of its end."""
    monkeypatch.setattr(process, "worker_command", lambda: (sys.executable, "-c", script))
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
async def test_the_end_is_described(monkeypatch: pytest.MonkeyPatch, script: str, expected: str) -> None:
    monkeypatch.setattr(process, "EXIT_TIMEOUT", 30.0)
    assert await run(monkeypatch, script) == expected


async def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "EXIT_TIMEOUT", 0.2)
    assert await run(monkeypatch, SLEEP[-1]) == "was killed by signal 9"


@pytest.mark.slow
async def test_a_killed_process_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "EXIT_TIMEOUT", 0.2)
    monkeypatch.setattr(process, "worker_command", lambda: SLEEP)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = WorkerProcess(theirs)
        kill = worker._child.kill
        monkeypatch.setattr(worker._child, "signal", lambda number: True)  # as while it waits for a disk
        async with asyncio.timeout(30):
            assert await worker.reap() == "does not end, even killed; is a disk hanging?"
        monkeypatch.undo()
        await kill()


async def test_a_process_that_cannot_be_started_raises_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "worker_command", lambda: ("/nonexistent",))
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="nonexistent"):
        WorkerProcess(theirs)


@pytest.mark.slow
async def test_a_starting_worker_survives_the_signals_of_the_director() -> None:
    """A signal to all processes of a service reaches workers too, and would kill those that are still starting."""
    ours, theirs = socket.socketpair()
    with theirs:
        worker = WorkerProcess(theirs)
    for number in signals.HANDLED:
        os.kill(worker.pid, number)
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    async with asyncio.timeout(60):
        assert decode_update(await read_message(reader)).results == []
    for number in signals.HANDLED:
        os.kill(worker.pid, number)
    writer.close()
    assert await worker.reap() == "ended with status 0"


async def test_no_process_is_left_running_if_its_output_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class FullLoop:
        def add_reader(self, *_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def remove_reader(self, *_: object) -> None:
            pass

    def popen(*_: object, **__: object) -> None:
        started.append(True)

    started: list[bool] = []
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(output, "asyncio", SimpleNamespace(get_running_loop=FullLoop))
    monkeypatch.setattr(process, "worker_command", lambda: SLEEP)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="No space left"):
        WorkerProcess(theirs)
    assert started == []
