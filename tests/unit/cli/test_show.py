"""``show`` as an operator runs it, on a daemon that runs."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.memory_daemon import MemoryDaemon, memory_daemon
from harness.waiting import wait_for
from ldirectord_py.cli import main

pytestmark = pytest.mark.slow

WEB = """\
checkinterval = 1
virtual = 192.0.2.1:80
    real = 127.0.0.1:{port} masq 2
    real = 127.0.0.2:9 masq
    service = simpletcp
    checktype = connect
virtual = 192.0.2.2:80
    real = 127.0.0.3:80 masq
    checktype = on
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryDaemon]:
    folder = tmp_path_factory.mktemp("show")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        memory_daemon(folder, WEB.format(port=server.getsockname()[1])) as daemon,
    ):
        wait_for(lambda: "2 of 3 real servers up" in daemon.run("show")[1] and "L4CON" in daemon.run("show")[1])
        yield daemon


def test_what_is_in_trouble_is_shown_with_its_reason(daemon: MemoryDaemon) -> None:
    status, text, errors = daemon.run("show")
    assert (status, errors) == (0, "")
    lines = text.splitlines()
    assert lines[0].startswith("2 of 3 real servers up, 2 virtuals, oldest result ")
    assert lines[2] == "tcp:192.0.2.1:80  wrr, connect  1/2 up"
    assert lines[3].split()[:7] == ["!", "127.0.0.2:9", "1", "masq", "ready", "down", "L4CON"]
    assert "refused" in lines[3]
    assert lines[4:] == ["tcp:192.0.2.2:80  wrr, on  1/1 up"]
    assert "\x1b" not in text


def test_everything_is_shown_with_all(daemon: MemoryDaemon) -> None:
    status, text, _ = daemon.run("show", "--all")
    assert (status, len(text.splitlines())) == (0, 7)
    assert "checktype = on" in text


def test_down_is_an_exit_status(daemon: MemoryDaemon, tmp_path: Path) -> None:
    status, text, _ = daemon.run("show", "--down")
    assert (status, len(text.splitlines())) == (3, 4)
    with memory_daemon(tmp_path, "virtual=192.0.2.2:80\n    real=127.0.0.3:80 masq\n    checktype=on\n") as well:
        assert well.run("show", "--down") == (0, "Nothing is down, and nothing disagrees\n", "")


def test_down_leaves_out_virtuals_but_counts_them(tmp_path: Path) -> None:
    virtual = "virtual=192.0.2.{0}:80\n    real=127.0.0.{0}:80 masq\n    checktype={1}\n"
    with memory_daemon(tmp_path, virtual.format(1, "on") + virtual.format(2, "off")) as daemon:
        _, text, _ = daemon.run("show", "--down")
    assert text.startswith("1 of 2 real servers up, 2 virtuals, 1 WITHOUT A SERVER")
    assert "192.0.2.2:80" in text
    assert "192.0.2.1:80" not in text


def test_one_server_with_its_results(daemon: MemoryDaemon) -> None:
    status, text, _ = daemon.run("show", "127.0.0.2")
    assert status == 0
    assert text.startswith("tcp:192.0.2.1:80/127.0.0.2:9\n")
    assert "last results, the latest first:" in text
    assert "transitions, the latest first:" in text


def test_programs_get_json(daemon: MemoryDaemon) -> None:
    status, text, _ = daemon.run("show", "--json", "192.0.2.1:80/*")
    answer = json.loads(text)
    assert (status, answer["generation"], answer["kernel"]["error"]) == (0, 1, None)
    (virtual,) = answer["virtuals"]
    assert [(each["real"].rpartition(":")[0], each["observed"]["up"]) for each in virtual["reals"]] == [
        ("127.0.0.1", True),
        ("127.0.0.2", False),
    ]
    assert virtual["reals"][1]["results"]


def test_an_unknown_name_is_an_error(daemon: MemoryDaemon) -> None:
    status, text, errors = daemon.run("show", "web9")
    assert (status, text) == (1, "")
    assert errors.startswith("no real server web9")


@pytest.mark.parametrize("words", [["--down", "--all"], ["--nonsense"]])
def test_wrong_options_are_a_usage_error(daemon: MemoryDaemon, words: list[str]) -> None:
    assert daemon.run("show", *words)[0] == 255


def test_without_a_daemon_there_is_nothing_to_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    (tmp_path / "web.cf").write_text("")
    assert main([str(tmp_path / "web.cf"), "show"]) == 1
    assert "ldirectord is stopped for" in capsys.readouterr().err
