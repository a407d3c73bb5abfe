"""``check-now`` probes at once and changes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from harness.control import RawClient
from harness.controlled_daemon import running
from harness.fakes.scripted import servers
from harness.processes import worker_pids
from harness.waiting import until
from ldirectord_py.config.model import Real, Virtual
from ldirectord_py.daemon.control import check_now
from ldirectord_py.daemon.run import Daemon
from ldirectord_py.server_names import ServerPattern

SITE = """
checkinterval=600
fork={fork}
virtual=192.0.2.1:80
    real=127.0.0.1:{port} masq
    real=127.0.0.2:{port} masq
    service=http
    request="/"
virtual=192.0.2.1:81
    real=127.0.0.1:{port} masq
    service=http
    request="/"
virtual=192.0.2.1:82
    real=127.0.0.3:{port} masq
    checktype=on
"""
UP = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
DOWN = b"HTTP/1.1 503 Out\r\nContent-Length: 0\r\n\r\n"


class Web:
    """A web server that counts requests and answers as it is told to."""

    def __init__(self) -> None:
        self.answer = UP
        self.requests = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        await self.may_answer.wait()
        writer.write(self.answer)


async def check(daemon: Daemon, *names: str) -> list[Any]:
    """Return all answers."""
    path = daemon.control.context.identity.instance.socket_file
    client = RawClient(*await asyncio.open_unix_connection(str(path)))
    answers = [await client.ask({"request": "check-now", "names": names})]
    while answers[-1].get("more"):
        answers.append(await client.answer())
    client.close()
    return answers


def shown(answers: list[Any]) -> list[tuple[str, ...]]:
    assert [answer.get("more", False) for answer in answers] == [True] * (len(answers) - 1) + [False]
    rows = [(each["virtual"][-2:], each["real"][:9], each["verdict"], each["code"]) for each in answers[:-1]]
    return sorted(rows)


@pytest.mark.parametrize("fork", ["no", pytest.param("yes", marks=pytest.mark.slow)])
async def test_each_server_is_probed_at_once_and_no_state_changes(tmp_path: Path, fork: str) -> None:
    web = Web()
    async with servers() as place:
        port = await place.start(web, "0.0.0.0")  # noqa: S104  two servers at once
        async with running(tmp_path, SITE.format(port=port, fork=fork)) as daemon:
            await until(lambda: daemon.director.summary.endswith("4 of 4 real servers up"))
            before, web.answer = web.requests, DOWN
            down = ("down", "L7STS")
            assert shown(await check(daemon, "*")) == [
                ("80", "127.0.0.1", *down),
                ("80", "127.0.0.2", *down),
                ("81", "127.0.0.1", *down),
                ("82", "127.0.0.3", "none", "NOCHECK"),
            ]
            assert web.requests == before + 2  # equal checks are one
            assert daemon.director.summary.endswith("4 of 4 real servers up")
            web.answer = UP
            (answer, _) = await check(daemon, "tcp:192.0.2.1:80/127.0.0.2")
            known = {"virtual": "tcp:192.0.2.1:80", "real": f"127.0.0.2:{port}", "name": None, "check": "http"}
            assert answer.items() >= {**known, "verdict": "up", "code": "L7OK", "reason": "200 OK"}.items()
            assert 0 < answer["ms"] < 10_000


async def test_a_check_that_is_in_flight_is_probed_too_and_goes_on(tmp_path: Path) -> None:
    web = Web()
    web.may_answer.clear()
    async with servers() as place:
        port = await place.start(web, "0.0.0.0")  # noqa: S104  two servers at once
        async with running(tmp_path, SITE.format(port=port, fork="no")) as daemon:
            await until(lambda: web.requests == 2)
            asking = asyncio.create_task(check(daemon, "127.0.0.2"))
            await until(lambda: web.requests == 3)
            web.may_answer.set()
            assert shown(await asking) == [("80", "127.0.0.2", "up", "L7OK")]
            await until(lambda: daemon.director.summary.endswith("4 of 4 real servers up"))


@pytest.mark.parametrize(
    ("names", "code", "message"),
    [
        (["web9"], "not_found", "no real server web9"),
        ([], "bad_request", "names has to have 1 to 100 names"),
        (["*"], "bad_request", "4 servers are meant; name 1 to 3"),
    ],
)
async def test_names_that_mean_none_or_too_many_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], code: str, message: str
) -> None:
    monkeypatch.setattr(check_now, "MAX_SERVERS", 3)
    async with running(tmp_path, SITE.format(port=9, fork="no")) as daemon:
        (answer,) = await check(daemon, *names)
        assert (answer["error"]["code"], answer["error"]["message"][: len(message)]) == (code, message)


async def test_names_are_compared_in_no_thread_as_many_of_them_would_starve_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, matches = set[int](), ServerPattern.matches

    def recorded(pattern: ServerPattern, virtual: Virtual, real: Real) -> bool:
        threads.add(threading.get_ident())
        return matches(pattern, virtual, real)

    monkeypatch.setattr(ServerPattern, "matches", recorded)
    async with running(tmp_path, SITE.format(port=9, fork="no")) as daemon:
        await check(daemon, "127.0.0.2")
    assert threads == {threading.get_ident()}


async def test_a_probe_that_finds_no_room_has_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_now, "MAX_DELAY", -29.9)
    web = Web()
    web.may_answer.clear()
    async with servers() as place:
        port = await place.start(web, "0.0.0.0")  # noqa: S104  two servers at once
        async with running(tmp_path, f"maxchecks=2\n{SITE.format(port=port, fork='no')}") as daemon:
            await until(lambda: web.requests == 2)
            (answer, _) = await check(daemon, "127.0.0.2")
            assert (answer["verdict"], answer["code"]) == ("none", "SOCKERR")
            assert answer["reason"] == "this host did not do the probe within 0.1 s"
            web.may_answer.set()


@pytest.mark.slow  # whole processes
async def test_a_worker_that_ends_meanwhile_gives_no_verdict(tmp_path: Path) -> None:
    web = Web()
    async with servers() as place:
        port = await place.start(web, "0.0.0.0")  # noqa: S104  two servers at once
        async with running(tmp_path, SITE.format(port=port, fork="yes")) as daemon:
            await until(lambda: daemon.director.summary.endswith("4 of 4 real servers up"))
            web.may_answer.clear()
            before = web.requests
            asking = asyncio.create_task(check(daemon, "127.0.0.2"))
            await until(lambda: web.requests > before)
            os.kill(worker_pids(daemon.probes._workers)[0], signal.SIGKILL)
            (answer, _) = await asking
            assert (answer["verdict"], answer["reason"]) == ("none", "the worker process ended meanwhile")
            web.may_answer.set()
