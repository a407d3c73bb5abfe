"""Commands get an answer, or a text that says why there is none."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from harness.control import control_server, route
from ldirectord_py.control import client as client_module
from ldirectord_py.control.client import ControlClient, NotReachable
from ldirectord_py.control.connection import Stream
from ldirectord_py.control.listening import listening_socket
from ldirectord_py.control.protocol import Answer, ControlRequest, Lazy, RequestError


async def in_thread(path: Path, talk: Callable[[ControlClient], Any]) -> Any:
    """Return what ``talk`` returns in a thread, which the client may block."""

    def connected() -> Any:
        with ControlClient(path) as client:
            return talk(client)

    return await asyncio.get_running_loop().run_in_executor(None, connected)


async def test_answers_come_one_after_the_other(tmp_path: Path) -> None:
    async with control_server(tmp_path) as served:

        def talk(client: ControlClient) -> list[object]:
            return [client.ask("echo", number=number)["arguments"] for number in (1, 2)]

        assert await in_thread(served.path, talk) == [{"number": 1}, {"number": 2}]


async def test_a_long_answer_and_a_stream(tmp_path: Path) -> None:
    async def long(_: ControlRequest) -> Answer:
        return {"items": Lazy("x" * 1000 for _ in range(2000))}

    async def count(_: ControlRequest) -> Stream:
        async def numbers() -> Stream:
            for number in range(500):
                yield {"number": number}

        return numbers()

    async with control_server(tmp_path, long=route(long), count=route(count)) as served:
        assert len((await in_thread(served.path, lambda client: client.ask("long")))["items"]) == 2000

        def numbers(client: ControlClient) -> list[int]:
            return [answer["number"] for answer in client.stream("count", timeout=10)]

        assert await in_thread(served.path, numbers) == list(range(500))


async def test_what_has_come_is_read_without_waiting_for_the_rest(tmp_path: Path) -> None:
    async def long(_: ControlRequest) -> Answer:
        return {"items": ["x" * 1000] * 2000}

    async with control_server(tmp_path, long=route(long)) as served:

        def talk(client: ControlClient) -> list[list[int]]:
            for request in ("echo", "long", "echo"):
                client.send(request)
            found = list[list[int]]()
            while list(chain.from_iterable(found)) != [1, 2, 3]:
                assert select.select([client.fileno()], (), (), 5)[0]
                found.append([answer["id"] for answer in client.receive_available()])
            return found

        assert [] in await in_thread(served.path, talk)  # a part of the long one


async def test_a_refusal_is_raised(tmp_path: Path) -> None:
    async with control_server(tmp_path) as served:
        with pytest.raises(RequestError, match="echo has no argument txt") as refused:
            await in_thread(served.path, lambda client: client.ask("echo", txt=1))
        assert refused.value.code == "bad_request"


async def test_no_answer_in_time(tmp_path: Path) -> None:
    async def slow(_: ControlRequest) -> Answer:
        await asyncio.sleep(5)
        return {}

    async with control_server(tmp_path, slow=route(slow)) as served:
        with pytest.raises(RequestError, match="the daemon has not answered in time") as refused:
            await in_thread(served.path, lambda client: client.ask("slow", timeout=0.1))
        assert refused.value.code == "timeout"


async def test_a_daemon_that_ends_meanwhile(tmp_path: Path) -> None:
    async def end(_: ControlRequest) -> Answer:
        asyncio.get_running_loop().call_soon(lambda: closing.append(asyncio.create_task(served.server.close())))
        await asyncio.sleep(5)
        return {}

    closing: list[asyncio.Task[None]] = []
    async with control_server(tmp_path, end=route(end)) as served:
        with pytest.raises(NotReachable, match="the daemon has closed the connection"):
            await in_thread(served.path, lambda client: client.ask("end"))


async def test_an_answer_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def long(_: ControlRequest) -> Answer:
        return {"items": Lazy("x" * 1000 for _ in range(2000))}

    monkeypatch.setattr(client_module, "MAX_ANSWER_LENGTH", 300_000)
    async with control_server(tmp_path, long=route(long)) as served:
        with pytest.raises(NotReachable, match="the daemon sends more than"):
            await in_thread(served.path, lambda client: client.ask("long"))


def test_without_a_daemon_there_is_nobody(tmp_path: Path) -> None:
    with pytest.raises(NotReachable, match="No such file"):
        ControlClient(tmp_path / "ldirectord.web.sock")


async def test_a_daemon_that_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ANSWER_TIMEOUT", 0.1)
    path = tmp_path / "ldirectord.web.sock"
    with listening_socket(path):

        def flood(client: ControlClient) -> None:
            for _ in range(1000):
                client.send("echo", text="x" * 10_000)

        with pytest.raises(RequestError, match="the daemon reads no request"):
            await in_thread(path, flood)


async def test_a_daemon_that_hangs_up_unread(tmp_path: Path) -> None:
    path = tmp_path / "ldirectord.web.sock"
    with listening_socket(path) as listening:

        def talk(client: ControlClient) -> None:
            accepted, _ = listening.accept()
            client.send("echo")
            accepted.close()  # a request is unread: the connection is reset
            client.send("echo")
            client.receive(5)

        with pytest.raises(NotReachable, match="the connection to the daemon is lost: Connection reset by peer"):
            await in_thread(path, talk)


@contextmanager
def crowded(path: Path) -> Iterator[socket.socket]:
    """Yield a socket that listens, and has no room for another connection until one is accepted."""
    with ExitStack() as stack:
        listening = stack.enter_context(listening_socket(path))
        while True:
            client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            try:
                client.connect(str(path))
            except BlockingIOError:
                yield listening
                return


async def test_a_client_waits_until_a_daemon_accepts_it(tmp_path: Path) -> None:
    with crowded(tmp_path / "s") as listening:
        connecting = asyncio.ensure_future(in_thread(tmp_path / "s", lambda client: client.fileno()))
        await asyncio.sleep(0.1)
        assert not connecting.done()
        listening.accept()[0].close()
        assert await connecting > 0


def test_a_client_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "CONNECT_TIMEOUT", 0.05)
    with crowded(tmp_path / "s"), pytest.raises(NotReachable, match="temporarily unavailable"):
        ControlClient(tmp_path / "s")


@pytest.mark.parametrize("line", [b"220 smtp.example.net\n", b"[1, 2]\n", b"7\n", b"[" * 100_000 + b"\n"])
async def test_another_program_at_the_socket_is_told(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "ldirectord.web.sock"
    with listening_socket(path) as listening:

        def talk(client: ControlClient) -> None:
            with listening.accept()[0] as accepted:
                accepted.sendall(line)
                client.receive(5)

        with pytest.raises(NotReachable, match="is no ldirectord"):
            await in_thread(path, talk)
