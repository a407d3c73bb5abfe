"""How a child process gets its input, and how it and its group are ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.processes import wait_for_end
from ldirectord_py.runtime.child import Child, input_file
from ldirectord_py.runtime.output import Output


def start(script: str) -> Child:
    return Child(("/bin/sh", "-c", script), os.environ)


async def test_the_input_file_is_read_to_its_end_and_errors_may_go_elsewhere() -> None:
    output = Output()
    command = ("/bin/sh", "-c", "cat; echo failed >&2")
    with input_file(b"one\ntwo") as stdin:
        child = Child(command, os.environ, stdin=stdin, stdout=output.write, stderr=subprocess.DEVNULL)
    output.close_write_end()
    assert await child.wait() == 0
    assert output.kept() == b"one\ntwo"
    output.close()


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -9 $$", -9)])
async def test_a_child_that_ends_in_time_has_a_status(script: str, status: int) -> None:
    assert await start(script).wait_at_most(20) == status
    assert await start(script).wait_or_kill(20) == status


async def test_a_child_that_runs_longer_is_left_alone_or_killed_with_its_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    child = start(f"sleep 60 & echo $$ $! >{pids}; wait")
    assert await child.wait_at_most(0.2) is None
    assert child.signal(0)
    assert await child.wait_or_kill(0.05) is None
    for pid in map(int, pids.read_text().split()):
        await wait_for_end(pid)


async def test_F43_a_child_is_not_killed_for_a_pause_of_this_host() -> None:
    child = start("sleep 0.1")
    asyncio.get_running_loop().call_later(0.02, time.sleep, 0.8)
    assert await child.wait_or_kill(0.6) == 0


async def test_a_wait_that_is_cancelled_kills_the_child() -> None:
    child = start("exec sleep 60")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await child.wait_or_kill(60)
    assert not child.signal(0)


async def test_a_group_that_ignores_the_signal_is_killed_after_the_time() -> None:
    child = start("trap '' TERM; echo; sleep 60")
    await asyncio.sleep(0.2)
    child.signal(signal.SIGTERM)
    assert await child.kill_after(0.2)
    assert await child.wait() == -signal.SIGKILL


async def test_a_group_is_killed_at_once_where_the_wait_for_it_is_cancelled() -> None:
    child = start("trap '' TERM; sleep 60; sleep 60")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await child.kill_after(60)
    assert await child.wait_at_most(20) == -signal.SIGKILL
