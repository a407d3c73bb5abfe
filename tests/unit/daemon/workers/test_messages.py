"""Messages between the director and a worker are decoded to what was encoded."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any

import pytest

from ldirectord_py.checks.base import Check, Result, Target
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.daemon.workers.messages import (
    MAX_MESSAGE_SIZE,
    Assignment,
    Limits,
    Update,
    decode_assignment,
    decode_update,
    read_message,
)
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import FirewallMark

CHECK = Check(
    "https", Target(ip_address("2001:db8::1"), 443, 3.0, passwd="xyzzy", virtual=FirewallMark(1)), 2.0, 5, 1.0
)


async def received(message: bytes) -> bytes:
    reader = asyncio.StreamReader()
    reader.feed_data(message)
    reader.feed_eof()
    data = await read_message(reader)
    assert reader.at_eof()
    return data


async def test_an_assignment() -> None:
    sent = Assignment([(7, CHECK)], [1, 2], Limits(50, None), 20, complete=False, at_once=[(3, 7)])
    assert decode_assignment(await received(sent.encode())) == sent


async def test_an_update() -> None:
    results = [(7, Result(verdict, 'not "200"\n\x00é\udce9', 0.25, code)) for verdict in Verdict for code in ReasonCode]
    results[0] = results[0][0], results[0][1]._replace(certificate_end=1.8e9)
    lines = [(30, "ldirectord_py.checks", "a traceback\n  of two lines")]
    sent = Update(results, lines, [4711], results[:2], ProbeCounts(1, 0.25, 3))
    assert decode_update(await received(sent.encode())) == sent


async def test_a_reason_that_is_no_str_is_converted() -> None:
    returned: Any = b"up"  # by a plug-in
    sent = Update([(7, Result(Verdict.UP, returned, 0.25))])
    assert decode_update(await received(sent.encode())) == Update([(7, Result(Verdict.UP, "b'up'", 0.25))], [], [], [])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'[[[1, 9, "x", 0.1, "L7OK"]], [], [], [], [0, 0.0, 0]]',
        b'[[[1, 1, "x", 0.1, "L8OK"]], [], [], [], [0, 0.0, 0]]',
        b'[[[1, 1, "x", 0.1]], [], [], [], [0, 0.0, 0]]',
        b'[[[1, [], "x", 0.1, "L7OK"]], [], [], [], [0, 0.0, 0]]',
        b"[[[1]], [], [], [], [0, 0.0, 0]]",
        b"null",
        b"[[], [[1]], [], [], [0, 0.0, 0]]",
        b"[[], [], [[]], [], [0, 0.0, 0]]",
        b"[[], [], [], []]",
        b"[[], [], [], [], [0]]",
        b"[[], [], [], [], [0, null, 0]]",
        b"[[], [], [], [[1]], [0, 0.0, 0]]",
        b"[[], [], [1e999], [], [0, 0.0, 0]]",
        b"[[], [], [], [], [1e999, 0.0, 0]]",
        b"[" * 100_000,
    ],
)
def test_a_malformed_update_is_an_error(data: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode_update(data)


@pytest.mark.parametrize("message", [b"", b"\0\0", b"\0\0\0\5abc", (MAX_MESSAGE_SIZE + 1).to_bytes(4) + b"x"])
async def test_a_message_that_is_cut_short_or_too_long_ends_the_connection(message: bytes) -> None:
    with pytest.raises(EOFError):
        await received(message)
