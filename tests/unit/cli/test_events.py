"""``events`` as an operator runs it, on a daemon that runs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Self

import pytest

from harness.memory_daemon import MemoryDaemon, memory_daemon
from harness.time_zone import in_time_zone
from ldirectord_py.cli import events
from ldirectord_py.cli.events import EventReader, event_lines
from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.control.protocol import Code, RequestError

WEB = "virtual=192.0.2.2:80\n    real=127.0.0.3:80 masq\n    checktype=on\n"
EVENT: dict[str, Any] = {"seq": 7, "time": "2026-11-28T03:12:45.118Z", "event": "server-down", "who": "ldirectord"}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[MemoryDaemon]:
    with memory_daemon(tmp_path, WEB) as daemon:
        yield daemon


@contextmanager
def following(daemon: MemoryDaemon, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``events --follow``, and kill it at the end."""
    command = daemon.command("events", "--follow", *words)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=daemon.environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


@pytest.mark.slow
def test_what_happened_is_a_line_each(daemon: MemoryDaemon) -> None:
    status, text, errors = daemon.run("events")
    assert (status, errors) == (0, "")
    pattern = r" +1  \S+ \S+  configuration-in-force A configuration is in force: 1 virtual server, 1 real server\n"
    assert re.fullmatch(pattern, text)


@pytest.mark.slow
def test_programs_get_an_object_a_line_and_go_on_after_a_number(daemon: MemoryDaemon) -> None:
    (event,) = map(json.loads, daemon.run("events", "--json")[1].splitlines())
    assert (event["seq"], event["event"], len(event["epoch"])) == (1, "configuration-in-force", 8)
    assert daemon.run("events", "--since", "1", "--json") == (0, "", "")
    gap, same = map(json.loads, daemon.run("events", "--since", "0badf00d:1", "--json")[1].splitlines())
    assert "another daemon" in gap["gap"]["reason"]
    assert same == event
    assert len(daemon.run("events", "--since", "10m")[1].splitlines()) == 1


@pytest.mark.slow
def test_a_follower_outlives_the_daemon_and_goes_on_with_the_next(daemon: MemoryDaemon) -> None:
    with following(daemon) as process:
        assert "configuration-in-force" in line(process)
        assert daemon.run("reload")[0] == 0
        assert re.match(r" +2  .* configuration-in-force", line(process))
        daemon.stop()
        assert process.stderr
        assert "waiting for it" in process.stderr.readline()
        daemon.start()
        assert line(process).startswith("-- Events may be missing: another daemon runs now")
        assert re.match(r" +1  .* configuration-in-force", line(process))


@pytest.mark.slow
def test_a_time_that_is_none_is_a_usage_error(daemon: MemoryDaemon) -> None:
    status, text, errors = daemon.run("events", "--since", "yesterday")
    assert (status, text) == (255, "")
    assert errors.startswith("'yesterday' is no time")


def test_a_line_says_who_and_has_the_code() -> None:
    event = {**EVENT, "who": "alice", "message": "Real server\x1b[2J is down", "code": "L4CON"}
    (shown,) = event_lines({"gap": None, "events": [event]}, colour=False)
    assert shown.startswith("     7  2026-11-2")
    assert shown.endswith("server-down            [alice] Real server?[2J is down [L4CON]")


@in_time_zone("UTC")
def test_a_gap_is_told() -> None:
    gap = {"reason": "only the last 10000 events are kept", "missed": 12}
    answer = {"gap": gap, "events": [{**EVENT, "message": "it is down"}]}
    assert list(event_lines(answer, colour=True)) == [
        "\x1b[33m-- 12 events missing: only the last 10000 events are kept\x1b[0m",
        "\x1b[31m     7  2026-11-28 03:12:45  server-down            it is down\x1b[0m",
    ]


@pytest.mark.slow
def test_a_follower_ends_when_nobody_reads_it_any_more(daemon: MemoryDaemon) -> None:
    with following(daemon) as process:
        assert "configuration-in-force" in line(process)
        assert process.stdout
        process.stdout.close()
        assert process.wait(10) == 1
        assert process.stderr
        assert process.stderr.read() == ""


class FailingClient:
    """A connection whose stream has an answer, and then fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.positions: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        pass

    def stream(self, _request: str, _timeout: float, **position: Any) -> Iterator[dict[str, Any]]:
        self.positions.append(position)
        yield {"last": len(self.positions), "epoch": "0badf00d", "gap": None, "events": []}
        raise self.error


@pytest.mark.parametrize("code", [Code.TIMEOUT, Code.BUSY])
def test_a_follower_waits_for_a_daemon_that_hangs_or_is_busy(
    code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = FailingClient(RequestError(code, "no answer"))
    monkeypatch.setattr(events, "connect", lambda _: client)
    monkeypatch.setattr(events, "RECONNECT_INTERVAL", 0.0)
    answers = list(islice(EventReader(Invocation("events"), {}).follow(), 4))
    assert [answer.get("last") for answer in answers] == [1, None, 2, None]
    assert client.positions[1] == {"follow": True, "since": 1, "epoch": "0badf00d"}
    assert capsys.readouterr().err == "-- no answer; waiting for it\n" * 2


def test_a_follower_does_not_wait_for_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    client = FailingClient(RequestError(Code.FORBIDDEN, "not permitted"))
    monkeypatch.setattr(events, "connect", lambda _: client)
    with pytest.raises(RequestError, match="not permitted"):
        list(EventReader(Invocation("events"), {}).follow())
