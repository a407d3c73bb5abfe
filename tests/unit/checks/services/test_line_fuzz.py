"""The line protocols take whatever a server says: mutated dialogues, all at once or byte by byte, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.mutants import mutants
from harness.fakes.unconnected import DeafWriter, RecordedConnection, RecordedReader
from harness.memory import LITTLE, peak
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

RUNS = 20_000
"""Mutated dialogues for each protocol."""

DIALOGUES = {
    "ftp": (
        b"220-hi\r\n220 ftp\r\n331 who?\r\n230 in\r\n",
        b"220 ftp\r\n230 in\r\n",
        b"220 ftp\r\n331 who?\r\n530 no\r\n",
        b"220 ftp\r\n331 who?\r\n230 in\r\n200 ok\r\n227 go (1,2,3,4,5,6)\r\n150 here\r\n226 done\r\n",
    ),
    "imap": (
        b"* OK hi\r\n* CAPABILITY IMAP4\r\na1 OK in\r\n",
        b"* PREAUTH hi\r\n",
        b"* OK hi\r\na1 NO hunter2\r\n",
    ),
    "nntp": (b"200 hi\r\n", b"502 no\r\n"),
    "pop": (
        b"+OK hi\r\n-ERR what?\r\n+OK\r\n+OK in\r\n",
        b"+OK hi\r\n+OK\r\nTOP\r\n.\r\n+OK\r\n-ERR hunter2\r\n",
        b"+OK <1.2@mx>\r\n+OK in\r\n",
        b"+OK hi\r\n+OK\r\nSASL CRAM-MD5\r\n.\r\n+ PDEuMkBteD4=\r\n+OK in\r\n",
    ),
    "smtp": (b"220-a\r\n220 b\r\n250-mx\r\n250 SIZE\r\n", b"220 b\r\n500 what?\r\n250 mx\r\n"),
}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, int], None]:
    """What sets what the next connection says, and in pieces of which size; those for data say nothing."""
    now: list[Any] = []

    async def opened(*_: object, **__: object) -> tuple[RecordedReader, DeafWriter]:
        return RecordedReader(*now), DeafWriter()

    def say(data: bytes, size: int) -> None:
        now[:] = data, size

    monkeypatch.setattr("ldirectord_py.checks.transport.stream.open_connection", opened)

    async def opened_for_data(*_: object) -> RecordedConnection:
        return RecordedConnection(b"", 1)

    monkeypatch.setattr("ldirectord_py.checks.services.ftp.open_data", opened_for_data)
    return say


class Endless(asyncio.StreamReader):
    """The reading half of a server that says the same for ever."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self, n: int = -1) -> bytes:
        return self._data


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("ftp", b"220-" + bytes(16_000) + b"\n"),
        ("ftp", b"220-" + b"\n220-" * 3_000),
        ("imap", b"* OK " + bytes(16_000) + b"\n"),
        ("nntp", b"2" + b"\xff" * 16_000 + b"\n"),
        ("pop", b"+OK" + b"\xf0\x90\x80\x80" * 4_000 + b"\n"),
        ("smtp", b"220-" + b"\xe2\x80\x8b" * 5_000 + b"\n"),
        ("smtp", bytes(16_384)),
    ],
)
def test_a_probe_keeps_little_of_the_longest_lines(kind: str, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def opened(*_: object, **__: object) -> tuple[Endless, DeafWriter]:
        return Endless(said), DeafWriter()

    monkeypatch.setattr("ldirectord_py.checks.transport.stream.open_connection", opened)
    check = KINDS[kind].check
    assert check is not None
    target = Target(ip_address("127.0.0.1"), 9, 20.0, login="joe", passwd="hunter2")
    assert asyncio.run(peak(lambda: probe(check, target))) < LITTLE


@pytest.mark.slow
@pytest.mark.parametrize("kind", DIALOGUES)
def test_whatever_a_server_says_there_is_a_verdict(
    kind: str, said: Callable[[bytes, int], None], caplog: pytest.LogCaptureFixture
) -> None:
    check = KINDS[kind].check
    assert check is not None
    fields: dict[str, Any] = {"login": "joe", "passwd": "hunter2", "request": "/x"}
    target = Target(ip_address("127.0.0.1"), 9, 20.0, **fields)
    found = {Verdict.UP: 0, Verdict.DOWN: 0}

    async def all_of_them() -> None:
        for number, data in enumerate(mutants(DIALOGUES[kind], RUNS)):
            said(data, (1, 7, 4096)[number % 3])
            await asyncio.sleep(0)  # or all of them were one turn of the loop (harness/loop_guard.py)
            result = await probe(check, target)
            found[result.verdict] += 1
            assert result.reason.isprintable(), data
            assert len(result.reason) < 1000, data
            assert "hunter2" not in result.reason, data

    asyncio.run(all_of_them())
    assert caplog.messages == []
    assert min(found.values()) > RUNS // 100
