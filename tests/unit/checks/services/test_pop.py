"""``service = pop``: how it logs in; what a greeting must be is in test_line_protocols.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from ipaddress import ip_address

import pytest

from harness.fakes.scripted import Servers
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import pop
from ldirectord_py.health import Verdict

STAMP = b"<1896.697170952@dbc.mtview.ca.us>"
APOP = b"APOP tim c4c9334bac560ecc979e58001b3e22fb"
"""The example of RFC 1939, 7: the password is ``tanstaaf``."""

CHALLENGE = b"PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
PROOF = b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"
"""The example of RFC 2195, 2: the password is ``tanstaaftanstaaf``."""

OFFERED = b"+OK\r\nTOP\r\nSASL PLAIN CRAM-MD5\r\n.\r\n"
IN_CLEAR = [b"USER tim", b"PASS secret", b"QUIT"]


class Mailbox:
    """A server that answers some commands as set, all others with ``+OK``; ``heard`` has all received lines."""

    def __init__(self, replies: Mapping[bytes, bytes], stamp: bytes = b"") -> None:
        self.heard: list[bytes] = []
        self._replies = replies
        self._greeting = b"+OK hi " + stamp + b"\r\n"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._greeting)
        while line := (await reader.readline()).strip():
            self.heard.append(line)
            writer.write(self._replies.get(line, self._replies.get(line.split()[0], b"+OK\r\n")))


async def run(servers: Servers, mailbox: Mailbox, passwd: str) -> tuple[Verdict, str]:
    port = await servers.start(mailbox.talk)
    result = await probe(pop.check, Target(ip_address("127.0.0.1"), port, 10.0, login="tim", passwd=passwd))
    await servers.stop()  # what it was sent last has come
    return result.verdict, result.reason


async def test_a_stamp_in_the_greeting_is_answered_with_a_digest(servers: Servers) -> None:
    mailbox = Mailbox({}, STAMP)
    assert await run(servers, mailbox, "tanstaaf") == (Verdict.UP, f"+OK hi {STAMP.decode()}")
    assert mailbox.heard[:1] == [APOP]
    assert b"PASS" not in b" ".join(mailbox.heard)


async def test_cram_md5_is_used_where_it_is_offered(servers: Servers) -> None:
    mailbox = Mailbox({b"CAPA": OFFERED, b"AUTH": b"+ " + CHALLENGE + b"\r\n"})
    assert (await run(servers, mailbox, "tanstaaftanstaaf"))[0] is Verdict.UP
    assert mailbox.heard[:3] == [b"CAPA", b"AUTH CRAM-MD5", PROOF]


@pytest.mark.parametrize(
    ("replies", "stamp", "before"),
    [
        ({b"CAPA": b"-ERR what?\r\n"}, b"", 1),
        ({b"CAPA": b"+OK\r\nUSER\r\n\r\n.\r\n"}, b"", 1),
        ({b"CAPA": b"+OK\r\nSASL PLAIN\r\n.\r\n"}, b"", 1),
        ({b"CAPA": b"-ERR what?\r\n", b"APOP": b"-ERR no\r\n"}, STAMP, 2),
        ({b"CAPA": OFFERED, b"AUTH": b"-ERR no\r\n"}, b"", 2),
    ],
)
async def test_user_and_pass_are_the_last_resort(
    servers: Servers, replies: Mapping[bytes, bytes], stamp: bytes, before: int
) -> None:
    mailbox = Mailbox(replies, stamp)
    assert (await run(servers, mailbox, "secret"))[0] is Verdict.UP
    assert mailbox.heard[before : before + 2] == IN_CLEAR[:2]


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        (
            {b"CAPA": OFFERED, b"AUTH": b"+ abc\r\n"},
            "the challenge of CRAM-MD5 is malformed: + abc",
        ),
        ({b"CAPA": OFFERED, b"AUTH": b"+ \xc3\xa9\r\n"}, "the challenge of CRAM-MD5 is malformed: + \u00e9"),
        ({b"CAPA": b"+OK\r\n" + b"X\r\n" * 300}, "a list of capabilities of more than 200 lines"),
        ({b"CAPA": b"-ERR\r\n", b"PASS": b"-ERR secret?\r\n"}, "login refused: -ERR ***?"),
    ],
)
async def test_logins_that_fail(servers: Servers, replies: Mapping[bytes, bytes], reason: str) -> None:
    assert await run(servers, Mailbox(replies), "secret") == (Verdict.DOWN, reason)
