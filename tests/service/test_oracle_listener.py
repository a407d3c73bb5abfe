"""oracle through Oracle's own driver, against a scripted listener, as no server is available for tests."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Mapping
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from harness.fakes.flood import flood
from harness.fakes.scripted import Servers, Talk, closed_port, reset, servers
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services.oracle import check
from ldirectord_py.health import Verdict

MISSING = not find_spec("oracledb")
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="oracledb is not installed")


def packet(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("!HHBBH", 8 + len(body), 0, kind, 0, 0) + body


def refusal(text: bytes) -> bytes:
    return packet(4, b"\x22\0" + struct.pack("!H", len(text)) + text)


def refused(code: int) -> bytes:
    stack = b"(ERROR_STACK=(ERROR=(CODE=%d)(EMFI=4)))" % code
    return refusal(b"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=%d)%s)" % (code, stack))


ACCEPT = packet(2, struct.pack("!8H", 319, 0xC41, 8192, 8192, 0x7F08, 0, 0, 0) + bytes(10) + b"\0\0\x20\0" + bytes(9))
SILENCE = "no answer within 1 s (connected, no answer to the login)"
CLOSED = "closed by server (connected, no answer to the login)"


@pytest.fixture
async def place() -> AsyncIterator[Servers]:
    async with servers() as started:
        yield started


def turns(*answers: bytes, hang: bool = False) -> Talk:
    """Return a talk that answers each piece that comes with the next of the answers."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            if not await reader.read(65536):
                return
            writer.write(answer)
            await writer.drain()
        if hang:
            await asyncio.Event().wait()

    return talk


async def run(port: int, address: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    given = {"timeout": 20.0, "login": "joe", "passwd": "hunter2", "database": "SHOP", "request": "SELECT 1 FROM dual"}
    result = await probe(check, Target(ip_address(address), port, **{**given, **fields}))
    return result.verdict, result.reason


async def reasons(place: Servers, talks: Mapping[str, Talk], **fields: Any) -> list[str]:
    """Return the reasons of failures that come of the talks, all at once."""
    ports = [await place.start(talk) for talk in talks.values()]
    results = await asyncio.gather(*(run(port, **fields) for port in ports))
    assert {verdict for verdict, _ in results} == {Verdict.DOWN}
    return [reason for _, reason in results]


def left() -> list[str]:
    """Return the descriptors of this process, and its children."""
    children = Path("/proc/self/task").glob("*/children")
    descriptors = [entry.name for entry in Path("/proc/self/fd").iterdir()]
    return descriptors + "".join(each.read_text() for each in children).split()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_listener_that_refuses(place: Servers, address: str) -> None:
    port = await place.start(turns(refused(12505)), address)
    assert await run(port, address) == (Verdict.DOWN, 'listener refused: no SID "SHOP" (ORA-12505)')
    port = await place.start(turns(refused(12514)), address)
    expected = (Verdict.DOWN, 'listener refused: no service "/shop.example.com" (ORA-12514)')
    assert expected == await run(port, address, database="/shop.example.com")
    assert await run(closed_port(address), address) == (Verdict.DOWN, "connect refused")


async def test_what_a_listener_says(place: Servers) -> None:
    async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        reset(writer)

    said = {
        "listener refused: ORA-12528": turns(refused(12528)),
        "DPY-5005: the listener refused the connection but an unexpected error format was returned": turns(
            refusal(b"(ERR=x)")
        ),
        CLOSED: turns(),
        CLOSED + " ": turns(b"220 mail.example.com ESMTP\r\n"),
        CLOSED + "  ": resetting,
    }
    assert [reason.strip() for reason in said] == await reasons(place, said)


async def test_a_listener_that_crashes_the_driver(place: Servers) -> None:
    """Found by hand: the driver of 2026 takes the sizes of packets as they come."""
    talks = {name: turns(answer) for name, answer in {"accept": ACCEPT, "nothing": bytes(12)}.items()}
    for reason in await reasons(place, talks):
        assert reason.startswith(("the driver failed over the answer (status ", "closed by server", "malformed answer"))


async def test_silence_ends_at_the_deadline(place: Servers) -> None:
    talks = {str(answers): turns(*answers, hang=True) for answers in ((), (b"\0",))}
    assert await reasons(place, talks, timeout=1.0) == [SILENCE, SILENCE]


async def test_neither_a_descriptor_nor_a_process_is_left_behind(place: Servers) -> None:
    talks = {"hang": turns(hang=True), "refuse": turns(refused(12514))}
    await reasons(place, talks, timeout=0.5)
    await place.stop()
    before = len(left())
    ports = [await place.start(talk) for talk in talks.values()]
    await asyncio.gather(*(run(port, timeout=0.4) for port in ports * 3))
    await place.stop()
    async with asyncio.timeout(10):
        while len(left()) > before:
            await asyncio.sleep(0.01)


async def test_a_flood_ends_in_time() -> None:
    with flood((ACCEPT,), b"\0\0\xff\xff\x06\0\0\0" + b"x" * 65527) as port:
        verdict, _ = await run(port, timeout=3.0)
    assert verdict is Verdict.DOWN
