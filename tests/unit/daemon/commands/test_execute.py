"""The daemons of other configurations are started, reloaded and stopped with ours, each in order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ldirectord_py.daemon.commands import execute
from ldirectord_py.daemon.commands.execute import ExecutedDaemons


class Program:
    """A command that records its calls, and runs the script ``NAME.WORD`` if there is one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "program"
        self.path.write_text(f'#!/bin/sh\ncd {folder}\necho "$@" >> calls\n[ ! -e "$1.$2" ] || eval "$(cat "$1.$2")"\n')
        self.path.chmod(0o755)

    def calls(self) -> list[str]:
        """Return and delete the calls so far."""
        calls = self.folder / "calls"
        lines = calls.read_text().splitlines() if calls.exists() else []
        calls.unlink(missing_ok=True)
        return lines

    def when(self, name: str, word: str, script: str) -> None:
        (self.folder / f"{name}.{word}").write_text(script)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


async def finished_calls(daemons: ExecutedDaemons, program: Program) -> list[str]:
    await daemons._queues.join()
    return sorted(program.calls())


async def test_they_start_reload_and_stop(program: Program) -> None:
    daemons = ExecutedDaemons(Path("/etc/ha.d/web.cf"), (str(program.path),))
    daemons.start(("mail.cf", "dns.cf"))
    assert await finished_calls(daemons, program) == ["dns.cf start", "mail.cf start"]
    daemons.reload(("mail.cf", "sip.cf"))
    assert await finished_calls(daemons, program) == ["dns.cf stop", "mail.cf reload", "sip.cf start"]
    await daemons.stop()
    assert sorted(program.calls()) == ["mail.cf stop", "sip.cf stop"]


async def test_one_that_cannot_reload_is_started(program: Program) -> None:
    daemons = ExecutedDaemons(Path("/etc/ha.d/web.cf"), (str(program.path),))
    program.when("mail.cf", "reload", "exit 1")
    daemons.start(("mail.cf",))
    daemons.reload(("mail.cf",))
    await daemons._queues.join()
    assert program.calls() == ["mail.cf start", "mail.cf reload", "mail.cf start"]


async def test_a_stop_waits_for_the_start_of_the_same(program: Program) -> None:
    daemons = ExecutedDaemons(Path("/etc/ha.d/web.cf"), (str(program.path),))
    program.when("mail.cf", "start", "sleep 0.3; echo started >> calls")
    daemons.start(("mail.cf",))
    await daemons.stop()
    assert program.calls() == ["mail.cf start", "started", "mail.cf stop"]


@pytest.fixture
def commands_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the commands that the test leaves running."""
    begun = list[subprocess.Popen[bytes]]()

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            begun.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    yield
    for command in begun:
        if command.poll() is None:
            os.killpg(command.pid, signal.SIGKILL)
            command.wait()


@pytest.mark.usefixtures("commands_end")
@pytest.mark.difference("`execute`: stopping")
async def test_a_daemon_that_does_not_stop_delays_the_end_no_longer_than_its_timeout(
    program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(execute, "STOP_ALL_TIMEOUT", 0.3)
    daemons = ExecutedDaemons(Path("/etc/ha.d/web.cf"), (str(program.path),))
    program.when("mail.cf", "start", "sleep 3")
    daemons.start(("mail.cf",))
    began = time.monotonic()
    await daemons.stop()
    assert time.monotonic() - began < 2
    assert caplog.messages == [
        "The daemons of execute did not all stop within 0.3 s",
        "1 commands for mail.cf are left out: the daemon ends",
    ]


@pytest.mark.difference("`execute`: a daemon that names itself")
async def test_a_daemon_does_not_control_itself(program: Program, caplog: pytest.LogCaptureFixture) -> None:
    daemons = ExecutedDaemons(Path("/etc/ha.d/web.cf"), (str(program.path),))
    daemons.start(("web.cf",))
    await daemons.stop()
    assert program.calls() == []
    assert caplog.messages == ["execute=web.cf names this daemon itself and has no effect"]


def test_the_program_is_this_one_wherever_it_was_started_from(tmp_path: Path) -> None:
    (tmp_path / "ldirectord_py").mkdir()
    (tmp_path / "ldirectord_py" / "__init__.py").write_text("raise RuntimeError('another program')\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    shown = subprocess.check_output((*execute.PROGRAM, "--version"), cwd=tmp_path, env=env, text=True)
    assert shown.startswith("Linux Director ldirectord-py ")
