"""``check-now`` prints what a real daemon finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.memory_daemon import MemoryDaemon, memory_daemon
from ldirectord_py.cli import main

SITE = """\
checkinterval = 600
virtual = 192.0.2.1:80
    real = 127.0.0.1:9 masq
    checktype = connect
virtual = 192.0.2.2:80
    real = localhost:9 masq
    checktype = on
virtual = 192.0.2.3:80
    real = 127.0.0.1:9 masq
    checktype = external
    checkcommand = /none\x1b[2J
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryDaemon]:
    with memory_daemon(tmp_path_factory.mktemp("daemon"), SITE) as daemon:
        yield daemon


def test_each_result_is_a_line(running: MemoryDaemon) -> None:
    status, text, errors = running.run_here("check-now", "192.0.2.1:80/*", "localhost")
    assert (status, errors) == (1, "")
    unchecked, down = text.splitlines()
    place = "tcp:192.0.2.2:80/127.0.0.1:9 (localhost)"
    assert unchecked == f"none  NOCHECK            -  {place}  not checked (checktype = on)"
    words = down.split()
    assert (words[0], words[1], words[3:]) == (
        "down",
        "L4CON",
        ["ms", "tcp:192.0.2.1:80/127.0.0.1:9", "connect", "refused"],
    )


def test_servers_without_a_check_are_no_failure(running: MemoryDaemon) -> None:
    assert running.run_here("check-now", "localhost").status == 0


def test_control_characters_of_the_file_do_not_reach_the_terminal(running: MemoryDaemon) -> None:
    _, text, _ = running.run_here("check-now", "192.0.2.3:80/*")
    assert text.endswith("cannot run /none\\x1b[2J: no such file or directory\n")


def test_results_as_json(running: MemoryDaemon) -> None:
    done = running.run_here("check-now", "--json", "192.0.2.1:80/*")
    assert done.status == 1
    (result,) = done.json()
    assert isinstance(result.pop("ms"), float)
    place = {"virtual": "tcp:192.0.2.1:80", "real": "127.0.0.1:9", "name": None, "check": "connect"}
    assert result == {**place, "verdict": "down", "code": "L4CON", "reason": "connect refused"}


def test_an_unknown_name_is_1_with_what_is_like_it(running: MemoryDaemon) -> None:
    status, _, errors = running.run_here("check-now", "localhorst")
    assert status == 1
    assert errors.startswith("no real server localhorst; did you mean localhost")


def test_no_name_is_wrong_usage_also_without_a_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["none.cf", "check-now"]) == 255
    assert "check-now: name a server, as in web1" in capsys.readouterr().err


def test_a_stopped_daemon_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    path = tmp_path / "web.cf"
    path.write_text(SITE)
    assert main([str(path), "check-now", "*"]) == 1
    assert capsys.readouterr().err == f"ldirectord is stopped for {path}\n"


@pytest.mark.slow
def test_a_daemon_without_its_socket_is_1(tmp_path: Path) -> None:
    with memory_daemon(tmp_path, SITE) as daemon:
        daemon.socket_file.rename(daemon.socket_file.with_name("moved"))
        assert daemon.run_here("check-now", "*") == (1, "", f"{daemon.socket_file}: No such file or directory\n")
