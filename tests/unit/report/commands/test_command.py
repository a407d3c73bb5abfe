"""Commands: run without a shell, with a timeout; processes that they leave behind are left alone."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import time
from pathlib import Path

import pytest

from harness.processes import fail_next_wait, is_running, wait_for_end
from ldirectord_py.report.commands import command
from ldirectord_py.report.commands.command import run_command, run_command_line


def sh(script: str) -> tuple[str, str, str]:
    return "/bin/sh", "-c", script


async def test_F52_words_reach_the_command_and_no_shell(tmp_path: Path) -> None:
    script = tmp_path / "record"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n')
    script.chmod(0o755)
    assert await run_command_line(f"{script} 'a b' $HOME ;", "start", "192.0.2.1:80", "tcp")
    assert (tmp_path / "arguments").read_text().splitlines() == ["a b", "$HOME", ";", "start", "192.0.2.1:80", "tcp"]


async def test_bytes_that_are_not_utf_8_reach_the_command(tmp_path: Path) -> None:
    script = tmp_path / os.fsdecode(b"gr\xfcn")
    script.write_text(f'#!/bin/sh\nprintf %s "$@" > {tmp_path}/arguments\n')
    script.chmod(0o755)
    assert await run_command_line(f"{script} verf\udcfcgbar")
    assert (tmp_path / "arguments").read_bytes() == b"verf\xfcgbar"


async def test_a_file_with_blanks_in_its_path_is_one_word(tmp_path: Path) -> None:
    script = tmp_path / "all down's"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\n')
    script.chmod(0o755)
    assert await run_command_line(str(script), "start")
    assert (tmp_path / "arguments").read_text() == "start\n"


@pytest.mark.parametrize(
    ("script", "failure"), [("exit 3", "exit status 3"), ("kill -9 $$", "killed by signal 9"), ("exit 0", "")]
)
async def test_the_failure_of_a_command_is_logged(script: str, failure: str, caplog: pytest.LogCaptureFixture) -> None:
    assert await run_command(sh(script)) is (not failure)
    assert caplog.messages == ([f"system(/bin/sh -c {script}) failed: {failure}"] if failure else [])


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("/nowhere/command", "no such file or directory"),
        ("/bin/echo 'x", "no closing quotation"),
        ("/bin/echo \0", "embedded null byte"),
        ("/", "permission denied"),
    ],
)
async def test_what_cannot_be_run_is_logged(line: str, failure: str, caplog: pytest.LogCaptureFixture) -> None:
    assert not await run_command_line(line)
    assert caplog.messages == [f"system({line}) failed: {failure}"]


@pytest.mark.slow
async def test_the_whole_group_ends_after_the_timeout(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TERMINATION_TIMEOUT", 0.2)
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 100 & echo $! $$ > {shlex.quote(str(pids))}; wait; sleep 100"
    assert not await run_command(sh(script), 0.5)
    assert caplog.messages == [f"system(/bin/sh -c {script}) failed: not done within 0.5 s, ended"]
    async with asyncio.timeout(10):  # killed, but not gone before the kernel gets round to it
        while any(map(is_running, pids.read_text().split())):
            await asyncio.sleep(0.01)


async def test_what_it_leaves_behind_lives_on(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    assert await run_command(sh(f"sleep 100 & echo $! > {shlex.quote(str(pids))}"))
    pid = int(pids.read_text())
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


async def test_only_so_many_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.CONCURRENT_COMMANDS, "_limit", 1)
    log = tmp_path / "log"
    script = f"echo in >> {shlex.quote(str(log))}; sleep 0.05; echo out >> {shlex.quote(str(log))}"
    await asyncio.gather(*(run_command(sh(script)) for _ in range(3)))
    assert log.read_text().split() == ["in", "out"] * 3


@pytest.mark.slow
async def test_the_loop_goes_on_meanwhile() -> None:
    began = time.monotonic()
    acting = asyncio.create_task(run_command(sh("sleep 1")))
    late = 0.0
    for _ in range(20):
        due = time.monotonic() + 0.02
        await asyncio.sleep(0.02)
        late = max(late, time.monotonic() - due)
    assert not acting.done()
    assert late < 0.5
    assert await acting
    assert time.monotonic() - began >= 1


async def test_whatever_ends_the_wait_for_a_command_it_ends_with_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TERMINATION_TIMEOUT", 0.2)
    pids = tmp_path / "pids"
    fail_next_wait(monkeypatch, MemoryError(), pids)
    with pytest.raises(MemoryError):
        await run_command(sh(f"sleep 60 & echo $$ $! >{pids}; wait"))
    for pid in pids.read_text().split():
        await wait_for_end(pid)
