"""Whatever a client sends or does not read, others and the daemon are not affected."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from harness.control import STAMP, control_server, route
from harness.waiting import until
from ldirectord_py.control import connection, writing
from ldirectord_py.control.connection import MAX_IN_FLIGHT, Stream
from ldirectord_py.control.protocol import MAX_REQUEST_LENGTH, Answer, Code, ControlRequest, Lazy, RequestError
from ldirectord_py.control.rights import Right


async def test_a_request_is_answered_with_its_number_and_the_state_of_the_daemon(tmp_path: Path) -> None:
    async with control_server(tmp_path) as served:
        client = await served.connect()
        answer = await client.ask({"v": 1, "id": "a", "request": "echo", "text": "x"})
        own = {"arguments": {"text": "x"}, "uid": os.geteuid()}
        assert answer == {"v": 1, "id": "a", "ok": True, **STAMP, **own}


async def test_requests_in_pieces_and_several_at_once(tmp_path: Path) -> None:
    async with control_server(tmp_path) as served:
        client = await served.connect()
        client.send(b'{"request":"ec')
        await asyncio.sleep(0.05)
        client.send(b'ho","id":1}\n{"request":"echo","id":2}\n\n \n{"request":"echo","id":3}\n{"requ')
        assert [(await client.answer())["id"] for _ in range(3)] == [1, 2, 3]
        client.send(b'est":"echo","id":4}')
        client.writer.write_eof()
        assert (await client.answer())["id"] == 4
        assert await client.ended()


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"id": 1, "request": "shew"}, Code.UNKNOWN_REQUEST, "there is no request shew; there are: echo"),
        ({"id": 1, "request": "echo", "txt": 1}, Code.BAD_REQUEST, "echo has no argument txt"),
        ({"id": 1, "v": 2, "request": "echo"}, Code.BAD_REQUEST, "this daemon speaks version 1"),
        ({"id": 1}, Code.BAD_REQUEST, "a request needs its name: request"),
    ],
)
async def test_a_wrong_request_is_refused_and_the_next_one_answered(
    tmp_path: Path, request_: object, code: str, message: str
) -> None:
    async with control_server(tmp_path) as served:
        client = await served.connect()
        refused = await client.ask(request_)
        assert refused == {"v": 1, "id": 1, "ok": False, **STAMP, "error": {"code": code, "message": message}}
        assert (await client.ask({"request": "echo"}))["ok"]


async def test_a_handler_refuses_with_details(tmp_path: Path) -> None:
    async def refuse(_: ControlRequest) -> Answer:
        raise RequestError(Code.REFUSED, "not now", problems=["a"])

    async with control_server(tmp_path, refuse=route(refuse)) as served:
        answer = await (await served.connect()).ask({"request": "refuse"})
        assert answer["error"] == {"code": "refused", "message": "not now", "problems": ["a"]}


async def test_F49_a_request_that_is_too_long_ends_the_connection(tmp_path: Path) -> None:
    async with control_server(tmp_path) as served:
        client = await served.connect()
        answer = await client.ask(b"x" * (MAX_REQUEST_LENGTH + 1))
        assert answer["error"] == {"code": "bad_request", "message": "a request has 65536 bytes at most"}
        assert await client.ended()


async def test_F49_half_a_request_ends_the_connection_however_slowly_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_TIMEOUT", 0.3)
    async with control_server(tmp_path) as served:
        client = await served.connect()
        began = asyncio.get_running_loop().time()
        while not client.reader._buffer:  # type: ignore[attr-defined]
            client.send(b" ")
            await asyncio.sleep(0.02)
            assert asyncio.get_running_loop().time() < began + 5
        assert (await client.answer())["error"]["code"] == "timeout"
        assert await client.ended()


async def test_an_idle_client_is_disconnected_but_not_one_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IDLE_TIMEOUT", 0.1)

    async def slow(_: ControlRequest) -> Answer:
        await asyncio.sleep(0.5)
        return {}

    async with control_server(tmp_path, slow=route(slow)) as served:
        waiting, idle = await served.connect(), await served.connect()
        waiting.send({"request": "slow"})
        assert await idle.ended(0.4)
        assert (await waiting.answer())["ok"]
        assert await waiting.ended()


async def test_more_requests_in_flight_than_allowed_are_refused(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def wait(_: ControlRequest) -> Answer:
        await go.wait()
        return {}

    async with control_server(tmp_path, wait=route(wait)) as served:
        client = await served.connect()
        client.send(*({"request": "wait", "id": number} for number in range(MAX_IN_FLIGHT + 1)))
        refused = await client.answer()
        assert (refused["id"], refused["error"]["code"]) == (MAX_IN_FLIGHT, "busy")
        go.set()
        assert {(await client.answer())["id"] for _ in range(MAX_IN_FLIGHT)} == set(range(MAX_IN_FLIGHT))


async def test_a_stream_marks_each_answer_but_the_last(tmp_path: Path) -> None:
    async def count(_: ControlRequest) -> Stream:
        async def numbers() -> Stream:
            for number in range(3):
                yield {"number": number}

        return numbers()

    async with control_server(tmp_path, count=route(count)) as served:
        client = await served.connect()
        client.send({"request": "count", "id": 5})
        answers = [await client.answer() for _ in range(4)]
        assert [(each.get("number"), each.get("more"), each["id"]) for each in answers] == [
            *((number, True, 5) for number in range(3)),
            (None, None, 5),
        ]


async def test_streams_end_with_the_input_of_a_client_and_other_requests_do_not(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def follow(_: ControlRequest) -> Stream:
        async def events() -> Stream:
            try:
                yield {"event": 1}
                await asyncio.sleep(60)
            finally:
                ended.set()

        return events()

    async def slow(_: ControlRequest) -> Answer:
        await asyncio.sleep(0.2)
        return {"slow": True}

    async with control_server(tmp_path, follow=route(follow), slow=route(slow)) as served:
        client = await served.connect()
        client.send({"request": "follow"})
        assert (await client.answer())["event"] == 1
        client.send({"request": "slow"})
        client.writer.write_eof()
        await asyncio.wait_for(ended.wait(), 5)
        assert (await client.answer())["slow"]
        assert await client.ended()


async def test_F49_a_client_that_does_not_read_is_dropped_and_costs_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "WRITE_TIMEOUT", 0.3)
    made = 0

    async def long(_: ControlRequest) -> Answer:
        def items() -> object:
            nonlocal made
            for _ in range(100_000):
                made += 1
                yield "x" * 1000

        return {"items": Lazy(items())}  # type: ignore[arg-type]

    async with control_server(tmp_path, long=route(long)) as served:
        slow = await served.connect()
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        slow.send({"request": "long"})
        assert (await (await served.connect()).ask({"request": "echo"}))["ok"]
        await until(lambda: served.clients == 1, 10)
        assert made < 5000


async def test_a_slow_reader_of_a_stream_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WRITE_TIMEOUT", 0.3)
    ended = asyncio.Event()
    sent = 0

    async def flood(_: ControlRequest) -> Stream:
        async def events() -> Stream:
            nonlocal sent
            try:
                while True:
                    sent += 1
                    yield {"event": "x" * 1000}
                    await asyncio.sleep(0)
            finally:
                ended.set()

        return events()

    async with control_server(tmp_path, flood=route(flood)) as served:
        slow = await served.connect()
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        slow.send({"request": "flood"})
        await asyncio.wait_for(ended.wait(), 5)
        assert sent < 2000


async def test_a_client_that_reads_nothing_makes_the_daemon_hold_one_answer_only(tmp_path: Path) -> None:
    made = 0

    async def long(_: ControlRequest) -> Answer:
        nonlocal made
        made += 1
        return {"rows": Lazy("x" * 1000 for _ in range(10_000))}

    async with control_server(tmp_path, long=route(long)) as served:
        client = await served.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.send(*[{"request": "long"}] * MAX_IN_FLIGHT)
        await asyncio.sleep(0.3)
        assert made == 1


async def test_answers_to_a_client_that_has_gone_are_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    go, waiting = asyncio.Event(), 0

    async def wait(_: ControlRequest) -> Answer:
        nonlocal waiting
        waiting += 1
        await go.wait()
        return {"text": "x" * 200_000}

    async with control_server(tmp_path, wait=route(wait, Right.STEER)) as served:
        client = await served.connect()
        client.send(*[{"request": "wait"}] * 3)
        while waiting < 3:
            await asyncio.sleep(0)
        client.close()
        await asyncio.sleep(0)
        go.set()
        while served.clients:
            await asyncio.sleep(0.01)
    assert "fail" not in caplog.text


async def test_a_fault_of_a_handler_ends_only_its_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def faulty(_: ControlRequest) -> Answer:
        raise ZeroDivisionError

    async with control_server(tmp_path, faulty=route(faulty)) as served:
        client, other = await served.connect(), await served.connect()
        answer = await client.ask({"request": "faulty", "id": 1})
        assert (answer["id"], answer["error"]["code"]) == (1, "internal")
        assert "The request faulty failed" in caplog.text
        assert (await other.ask({"request": "echo"}))["ok"]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (TimeoutError(), "timeout", "faulty was not done in time"),
        (OSError(errno.EAGAIN, "no thread"), "internal", "this host does not permit it: no thread"),
    ],
)
async def test_a_client_learns_of_what_this_host_did_not_do(
    tmp_path: Path, error: Exception, code: str, message: str
) -> None:
    async def faulty(_: ControlRequest) -> Answer:
        raise error

    async with control_server(tmp_path, faulty=route(faulty)) as served:
        client = await served.connect()
        answer = await client.ask({"request": "faulty", "id": 1})
        assert (answer["id"], answer["error"]) == (1, {"code": code, "message": message})
        assert (await client.ask({"request": "echo"}))["ok"]


async def test_a_handler_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HANDLE_TIMEOUT", 0.05)

    async def slow(_: ControlRequest) -> Answer:
        await asyncio.sleep(60)
        return {}

    async with control_server(tmp_path, slow=route(slow)) as served:
        assert (await (await served.connect()).ask({"request": "slow"}))["error"]["code"] == "timeout"


async def test_the_right_to_steer_is_asked_for_each_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steer(_: ControlRequest) -> Answer:
        return {}

    async with control_server(tmp_path, steer=route(steer, Right.STEER)) as served:
        client = await served.connect()
        assert (await client.ask({"request": "steer"}))["ok"]
        monkeypatch.setattr(served.server, "access", _OnlyLook())
        refused = await client.ask({"request": "steer"})
        assert refused["error"]["message"] == "this needs root or a member of controlgroup"
        assert (await client.ask({"request": "echo"}))["ok"]


class _OnlyLook:
    def allows(self, _: object, right: Right) -> bool:
        return right is Right.LOOK
