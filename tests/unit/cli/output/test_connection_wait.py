"""A wait for connections: what it shows, and when it ends."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from ldirectord_py.cli.output import connection_wait
from ldirectord_py.cli.output.connection_wait import Usages, wait_for_connections, wait_for_weight
from ldirectord_py.control.client import NotReachable
from ldirectord_py.control.protocol import Code, RequestError

ONE, TWO = "tcp:192.0.2.1:80/10.1.0.1:80", "tcp:192.0.2.1:80/10.1.0.2:80"


class Stream(io.StringIO):
    """What is printed, to a terminal or not."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class Daemon:
    """Answers with a weight and counts for each server, one answer after the other, the last one again and again.

    A text is why the kernel cannot be read, an exception is raised.
    """

    def __init__(self, *answers: Any) -> None:
        self._answers: Iterator[Any] = iter(answers)
        self._last: Any = None
        self.asked: list[int] = []

    def ask(self, request: str, servers: list[str]) -> Any:
        assert request == "connections"
        self.asked.append(len(servers))
        self._last = next(self._answers, self._last)
        if isinstance(self._last, Exception):
            raise self._last
        if isinstance(self._last, str):
            return {"error": self._last, "servers": [{"server": server, "kernel": None} for server in servers]}
        return {"error": None, "servers": [{"server": server, "kernel": _kernel(self._last)} for server in servers]}


def _kernel(counts: tuple[int, ...] | None) -> dict[str, int] | None:
    names = ("weight", "active", "inactive", "persistent")
    return None if counts is None else dict(zip(names, counts, strict=True))


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_wait, "RECOUNT_INTERVAL", 0.01)


def drained(daemon: Daemon, seconds: float = 5, stream: Stream | None = None) -> bool:
    return wait_for_connections(daemon, [ONE], seconds, stream or Stream())  # type: ignore[arg-type]


def test_it_ends_when_the_last_connection_and_client_is_gone() -> None:
    stream = Stream()
    daemon = Daemon((1, 0, 0, 0), (0, 2, 1, 1), (0, 2, 1, 1), (0, 0, 0, 1), (0, 0, 0, 0))
    assert drained(daemon, stream=stream)
    assert stream.getvalue() == (
        "0 connections (0 active, 0 inactive, 0 persistent)\n"
        "4 connections (2 active, 1 inactive, 1 persistent)\n"
        "1 connection (0 active, 0 inactive, 1 persistent)\n"
        "0 connections (0 active, 0 inactive, 0 persistent)\n"
    )


@pytest.mark.parametrize("answer", [(0, 1, 0, 0), (1, 0, 0, 0), "out of reach"])
def test_it_ends_at_the_deadline(answer: Any) -> None:
    assert not drained(Daemon(answer), 0.05)
    assert not drained(Daemon(answer), 0)


def test_a_row_that_is_gone_has_no_connections() -> None:
    assert drained(Daemon((0, 1, 0, 0), None))


def test_a_kernel_out_of_reach_is_shown() -> None:
    stream = Stream()
    assert drained(Daemon("no module", (0, 0, 0, 0)), stream=stream)
    assert stream.getvalue().splitlines()[0] == "the kernel cannot be read: no module"


def test_a_daemon_that_is_restarted_is_waited_for() -> None:
    stream = Stream(terminal=True)
    daemon = Daemon((0, 4, 0, 0), (0, 1, 0, 0), NotReachable("it is stopped"), RequestError(Code.BUSY, "busy"), None)
    assert drained(daemon, stream=stream)
    third, fourth = stream.getvalue().split("\r")[3:5]
    assert third.startswith(f"[{'#' * 18}{'.' * 6}] the daemon cannot be asked: it is stopped, ")
    assert fourth.startswith(f"[{'#' * 18}{'.' * 6}] the daemon cannot be asked: busy, ")
    assert not drained(Daemon(NotReachable("it is stopped")), 0.05)


def test_what_does_not_pass_is_not_waited_for() -> None:
    with pytest.raises(RequestError, match="not permitted"):
        drained(Daemon(RequestError(Code.FORBIDDEN, "not permitted")))


def test_a_terminal_gets_a_bar_in_one_line() -> None:
    stream = Stream(terminal=True)
    assert drained(Daemon((0, 4, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0)), stream=stream)
    lines = stream.getvalue().split("\r")[1:]
    assert [line.partition("]")[0] for line in lines] == ["[" + "." * 24, "[" + "#" * 18 + "." * 6, "[" + "#" * 24]
    assert lines[0].startswith(f"[{'.' * 24}] 4 connections (4 active, 0 inactive, 0 persistent), 5 s left")
    assert stream.getvalue().endswith("\n")


def test_weight_is_waited_for() -> None:
    stream = Stream()
    daemon = Daemon(None, (0, 0, 0, 0), (2, 0, 0, 0))
    assert wait_for_weight(daemon, [ONE, TWO], 5, stream)  # type: ignore[arg-type]
    assert stream.getvalue() == "0 of 2 servers with weight\n2 of 2 servers with weight\n"


def test_many_servers_are_asked_for_in_parts() -> None:
    daemon = Daemon((0, 0, 0, 0))
    assert wait_for_connections(daemon, [ONE] * 450, 5, Stream())  # type: ignore[arg-type]
    assert daemon.asked == [200, 200, 50]


def test_all_servers_count() -> None:
    found = Usages([(ONE, {"weight": 0, "active": 1, "inactive": 2, "persistent": 3}), (TWO, None)])
    assert (found.remaining, found.are_drained, found.with_weight) == (6, False, 0)
