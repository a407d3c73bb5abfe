"""Each command that asks the daemon does so over a real socket, of a real daemon."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.memory_daemon import MemoryDaemon, memory_daemon
from harness.terminal import terminal
from ldirectord_py.cli.invocation.commands import COMMANDS

WEB = "virtual = 192.0.2.1:80\n    real = 127.0.0.3:80 masq 2\n    real = 127.0.0.4:80 masq 2\n    checktype = on\n"
SERVER = "127.0.0.3:80"
_CLIENT = re.compile(
    r"^from ldirectord_py\.(cli\.invocation\.(control|patient)_client|control\.client) import", re.MULTILINE
)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryDaemon]:
    with memory_daemon(tmp_path_factory.mktemp("web"), WEB) as daemon:
        yield daemon


def good(daemon: MemoryDaemon, *words: str) -> str:
    status, text, errors = daemon.run(*words)
    assert (status, errors) == (0, "")
    return text


def generation(daemon: MemoryDaemon) -> int:
    number: int = json.loads(good(daemon, "show", "--json"))["generation"]
    return number


def reload(daemon: MemoryDaemon, command: str) -> None:
    before = generation(daemon)
    assert good(daemon, command) == ""
    assert generation(daemon) == before + 1


def administer(daemon: MemoryDaemon, command: str) -> None:
    good(daemon, "drain", SERVER)
    [server] = json.loads(good(daemon, command, "--json", SERVER))["servers"]
    assert server["state"] == {"drain": "drain", "disable": "disabled"}.get(command, "ready")
    good(daemon, "enable", SERVER)


def show(daemon: MemoryDaemon, command: str) -> None:
    assert "2 of 2 real servers up" in good(daemon, command)


def events(daemon: MemoryDaemon, command: str) -> None:
    assert "configuration-in-force" in good(daemon, command)


def check_now(daemon: MemoryDaemon, command: str) -> None:
    assert "NOCHECK" in good(daemon, command, SERVER)


def top(daemon: MemoryDaemon, command: str) -> None:
    with terminal(daemon.command(command), daemon.environment) as screen:
        screen.wait_for("2 of 2 real servers up")
        screen.press("q")
        assert screen.process.wait(10) == 0


TESTS: dict[str, Callable[[MemoryDaemon, str], None]] = {
    **dict.fromkeys(("reload", "force-reload"), reload),
    **dict.fromkeys(("drain", "undrain", "disable", "enable"), administer),
    "check-now": check_now,
    "events": events,
    "show": show,
    "top": top,
}


def asks_the_daemon(module: str) -> bool:
    """Return whether a module of ``cli`` uses the client of the control socket."""
    found = find_spec(f"ldirectord_py.cli.{module}")
    assert found is not None
    assert found.origin is not None
    return bool(_CLIENT.search(Path(found.origin).read_text()))


def test_no_command_is_left_out() -> None:
    assert set(TESTS) == {name for name, command in COMMANDS.items() if asks_the_daemon(command.module)}


@pytest.mark.slow
@pytest.mark.parametrize("command", TESTS)
def test_over_the_socket(daemon: MemoryDaemon, command: str) -> None:
    TESTS[command](daemon, command)
