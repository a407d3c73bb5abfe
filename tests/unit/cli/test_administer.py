"""``drain``, ``undrain``, ``disable`` and ``enable`` as an operator runs them, on a daemon that runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.memory_daemon import MemoryDaemon, running
from ldirectord_py.cli import administer, main
from ldirectord_py.cli.administer import change_text

WEB = """\
checkinterval = 1
virtual = 192.0.2.1:80
    real = 127.0.0.1:80 masq 2
    real = 127.0.0.2:80 masq
    checktype = on
virtual = 192.0.2.2:80
    real = 127.0.0.2:80 masq
    checktype = on
"""
Run = Callable[..., tuple[int, str, str]]
ONE = "tcp:192.0.2.1:80/127.0.0.1:80"


PROGRAM = """
import sys
from ldirectord_py.cli import main
from ldirectord_py.daemon.administration import state_file
state_file.WRITE_INTERVAL = 0.0
sys.exit(main(sys.argv[1:]))
"""


class EagerDaemon(MemoryDaemon):
    """A daemon that writes its state file at each change."""

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", PROGRAM, str(self.config), *words]


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryDaemon]:
    with running(EagerDaemon(tmp_path_factory.mktemp("daemon"), WEB)) as started:
        yield started


@pytest.fixture
def daemon(shared_daemon: MemoryDaemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryDaemon]:
    """Yield a daemon whose servers are all ready, and get ready again after the test."""
    for name in ("LDIRECTORD_RUNDIR", "LDIRECTORD_STATEDIR"):
        monkeypatch.setenv(name, str(shared_daemon.config.parent))
    monkeypatch.setenv("SUDO_USER", "alice")
    yield shared_daemon
    assert main([str(shared_daemon.config), "enable", "*"]) == 0


@pytest.fixture
def run(daemon: MemoryDaemon, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(*words: str) -> tuple[int, str, str]:
        status = main([str(daemon.config), *words])
        return status, *capsys.readouterr()

    return _run


def test_a_server_is_drained_and_comes_back(run: Run) -> None:
    status, text, errors = run("drain", "127.0.0.1", "--why", "new kernel", "--wait", "5")
    assert (status, errors) == (0, "")
    assert text.splitlines()[0] == f"{ONE}: ready -> drain by root (sudo: alice): new kernel"
    assert text.splitlines()[-1] == "0 connections (0 active, 0 inactive, 0 persistent)"
    status, text, errors = run("undrain", "127.0.0.1", "--wait", "5")
    begin, *_, end = text.splitlines()
    assert (status, begin, end, errors) == (0, f"{ONE}: drain -> ready", "1 of 1 server with weight", "")


@pytest.mark.slow
def test_the_drain_outlives_the_daemon_and_is_shown(daemon: MemoryDaemon, run: Run) -> None:
    assert run("drain", "127.0.0.1", "--until", "2h")[0] == 0
    daemon.stop()
    daemon.start()
    [real] = [
        real for virtual in json.loads(run("show", "127.0.0.1", "--json")[1])["virtuals"] for real in virtual["reals"]
    ]
    assert (real["administrative"]["state"], real["administrative"]["who"]) == ("drain", "root (sudo: alice)")
    assert real["administrative"]["until"]
    assert real["kernel"]["weight"] == 0


def test_disable_drains_first_where_it_waits(run: Run) -> None:
    status, text, _ = run("disable", "127.0.0.2", "--virtual", "192.0.2.1:80", "--wait", "5")
    assert status == 0
    assert [line.split(" by")[0].split(": ")[-1] for line in text.splitlines()] == [
        "ready -> drain",
        "0 connections (0 active, 0 inactive, 0 persistent)",
        "drain -> disabled",
    ]
    status, text, errors = run("undrain", "127.0.0.2")
    assert status == 1
    assert errors == "1 disabled server not changed; enable ends that\n"
    assert [line.split(": ")[1].split(" by")[0] for line in text.splitlines()] == ["disabled", "ready"]
    assert run("enable", "*")[0] == 0


def test_taking_the_last_server_of_a_virtual_is_told(run: Run) -> None:
    status, text, errors = run("disable", "127.0.0.2", "--wait", "5")
    assert (status, errors) == (0, "tcp:192.0.2.2:80 has no server left that is up\n")
    assert text.count("ready -> drain") == 2
    assert run("disable", "127.0.0.2")[2] == ""
    assert json.loads(run("disable", "127.0.0.1", "--json")[1])["outages"] == ["tcp:192.0.2.1:80"]
    assert run("enable", "*")[2] == ""


def test_a_server_is_named_as_in_other_commands() -> None:
    by = {"who": "alice", "why": "", "until": None}
    server = {"virtual": "fwm:1", "real": "10.0.0.1:80", "name": "web1", "before": "ready", "state": "drain", **by}
    text = "fwm:1/10.0.0.1:80 (web1): ready -> drain by alice (down)"
    assert change_text({**server, "up": False, "left": False}) == text


def test_a_deadline_is_4(run: Run) -> None:
    assert run("disable", "127.0.0.1")[0] == 0
    status, text, _ = run("enable", "127.0.0.1", "--wait", "0")
    assert (status, text.splitlines()[0]) in ((4, f"{ONE}: disabled -> ready"), (0, f"{ONE}: disabled -> ready"))


def test_servers_that_keep_connections_are_not_disabled(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administer, "wait_for_connections", lambda *_: False)
    status, text, errors = run("disable", "127.0.0.1", "--wait", "1")
    assert (status, errors) == (4, "They stay drained, and are not disabled\n")
    assert text.startswith(f"{ONE}: ready -> drain")
    assert run("undrain", "127.0.0.1")[0] == 0


def test_what_does_not_last_over_a_restart_is_told(daemon: MemoryDaemon, run: Run) -> None:
    blocked = daemon.config.parent / "web.cf.json.new"
    blocked.mkdir()
    (blocked / "file").touch()
    for words in (("drain", "127.0.0.1"), ("disable", "127.0.0.1", "--wait", "5")):
        status, text, errors = run(*words)
        assert status == 1
        assert "drain by root" in text
        assert errors.startswith("This does not last over a restart of the daemon: ")
    (blocked / "file").unlink()
    blocked.rmdir()


def test_programs_get_json(run: Run) -> None:
    status, text, errors = run("disable", "127.0.0.1", "--json", "--wait", "5")
    answer = json.loads(text)
    assert (status, answer["kept"], answer["servers"][0]["state"]) == (0, True, "disabled")
    assert errors == "0 connections (0 active, 0 inactive, 0 persistent)\n"


def test_an_unknown_name_changes_nothing(run: Run) -> None:
    assert run("drain", "127.0.0.1", "web9")[2].startswith("no real server web9; did you mean")
    assert run("drain", "127.0.0.1")[1].startswith(f"{ONE}: ready -> drain")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("drain",), "drain: the following arguments are required: NAME"),
        (("undrain", "web1", "--until", "2h"), "undrain: unrecognized arguments: --until 2h"),
        (("drain", "web1", "--until", "soon"), "'soon' is no time"),
        (("drain", "web1", "--wait", "x"), "drain: argument --wait: 'x' is no time; write seconds, 10m or 1h30m"),
        (("drain", "web1", "--wait", "8d"), "drain: --wait has to be 0 to 604800 seconds"),
        (("drain", "web1", "--wait", "-1"), "drain: --wait has to be 0 to 604800 seconds"),
        (("drain", "web1", "--wait", "nan"), "drain: --wait has to be 0 to 604800 seconds"),
    ],
)
def test_a_wrong_command_line(words: tuple[str, ...], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["web.cf", *words]) == 255
    assert capsys.readouterr().err.startswith(fault)


def test_without_a_daemon_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    (tmp_path / "web.cf").write_text(WEB)
    assert main([f"{tmp_path}/web.cf", "drain", "web1"]) == 1
    assert capsys.readouterr().err == f"ldirectord is stopped for {tmp_path}/web.cf\n"
