"""The background process: what it reports to the command, and which descriptors it keeps."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Detaches a daemon that runs BODY; prints what came of it.
PROGRAM = """
import os, sys, time
from ldirectord_py.instance.daemonize import daemonize
from ldirectord_py.errors import LdirectordError
kept = os.open(os.devnull, os.O_RDONLY)
other = os.open(os.devnull, os.O_RDONLY)
def daemon(starter):
{body}
try:
    daemonize(daemon, kept, seconds={seconds})
except LdirectordError as fault:
    print(fault)
else:
    print("ready")
"""


def detached(body: str, seconds: float = 20) -> str:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    program = PROGRAM.format(body=indented, seconds=seconds)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert result.stderr == ""
    return result.stdout


def test_the_command_ends_when_the_daemon_is_ready_not_when_it_ends() -> None:
    """The daemon holds none of the command's descriptors, or this would wait for it."""
    assert detached("starter.ready()\ntime.sleep(90)\nos._exit(0)") == "ready\n"


def test_a_daemon_that_fails_reports_its_reason() -> None:
    assert detached("raise LdirectordError('no IPVS in this kernel')") == "no IPVS in this kernel\n"


def test_a_daemon_that_ends_without_a_message_has_failed() -> None:
    assert detached("os._exit(0)") == "the daemon ended before it was ready; see its log\n"


def test_a_daemon_that_is_stopped_before_it_is_ready_has_failed() -> None:
    assert detached("sys.exit(0)") == "the daemon was stopped before it was ready\n"


def test_a_daemon_that_is_not_ready_in_time() -> None:
    assert detached("time.sleep(3)", 0.2) == "the daemon is not ready after 0.2 s; it goes on, see its log\n"


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """The state of a daemon, as it reports it."""
    report = tmp_path / "state"
    detached(
        f"""still_open = [n for n in (kept, other) if os.path.exists(f"/proc/self/fd/{{n}}")]
with open({str(report)!r}, "w") as out:
    for number in (0, 1, 2):
        print(f"fd{{number}}", os.readlink(f"/proc/self/fd/{{number}}"), file=out)
    print("kept", still_open == [kept], file=out)
    print("cwd", os.getcwd(), file=out)
    print("session", os.getsid(0) not in (os.getpid(), {os.getsid(0)}), file=out)
starter.ready()
starter.failed("too late to be heard")"""
    )
    return dict(line.split(" ", 1) for line in report.read_text().splitlines())


def test_the_daemon_is_detached(state: dict[str, str]) -> None:
    null = os.devnull
    expected = {"fd0": null, "fd1": null, "fd2": null, "kept": "True", "cwd": "/", "session": "True"}
    assert expected == state
