"""Answers are written as whole lines, and no more is made than a client reads."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from ldirectord_py.control import writing
from ldirectord_py.control.protocol import Lazy
from ldirectord_py.control.writing import MAX_BUFFERED, AnswerWriter

ITEM = "x" * 1000


Connected = tuple[AnswerWriter, socket.socket]


@pytest.fixture
async def connected() -> AsyncIterator[Connected]:
    """Return the writer to a client, and the client, which does not read by itself."""
    ours, client = socket.socketpair()
    for each in (ours, client):
        each.setblocking(False)
    _, writer = await asyncio.open_unix_connection(sock=ours)
    yield AnswerWriter(writer, asyncio.Lock()), client
    client.close()
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def read_lines(client: socket.socket, count: int) -> list[dict[str, object]]:
    """Return the next lines."""
    text = b""
    while text.count(b"\n") < count:
        text += await asyncio.get_running_loop().sock_recv(client, 65536)
    return [json.loads(line) for line in text.splitlines()]


async def test_each_answer_is_a_line_also_if_several_are_sent_at_once(connected: Connected) -> None:
    answers, client = connected
    await asyncio.gather(*(answers.send({"number": number}) for number in range(3)))
    assert await read_lines(client, 3) == [{"number": number} for number in range(3)]


async def test_what_a_client_does_not_read_is_not_made(connected: Connected) -> None:
    answers, client = connected
    made: list[int] = []

    def items() -> Iterator[str]:
        for number in range(5000):
            made.append(number)
            yield ITEM

    sending = asyncio.create_task(answers.send({"items": Lazy(items())}))
    await asyncio.sleep(0.5)
    assert len(made) < 5000
    assert await read_lines(client, 1) == [{"items": [ITEM] * 5000}]
    await sending


async def test_a_client_that_does_not_read_is_given_up(connected: Connected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WRITE_TIMEOUT", 0.05)
    with pytest.raises(TimeoutError):
        await send_many(connected[0])


async def test_nothing_is_sent_to_a_client_that_is_gone(connected: Connected) -> None:
    answers, client = connected
    client.close()
    with pytest.raises(ConnectionError):
        await send_many(answers)


async def send_many(answers: AnswerWriter) -> None:
    """Send more than is buffered."""
    for _ in range(100):
        await answers.send({"text": "x" * MAX_BUFFERED})
        await asyncio.sleep(0.001)
