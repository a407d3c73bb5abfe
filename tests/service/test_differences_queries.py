"""docs/differences.md, checks of directories and databases: each row is compared with the original itself."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import tempfile

import pytest

from harness.comparison.checks import of_one, original, ours, site
from harness.comparison.perl import check, needs_original
from harness.fakes.ldap import BIND, DONE, answering_each, entry, result
from harness.fakes.scripted import Talk, closed_port, saying, servers
from ldirectord_py.config.load import load

pytestmark = needs_original

BOUND, FOUND, END = result(1, BIND), entry(2, b"dc=a"), result(2, DONE)
WHOLE = entry(3, b"dc=a", o=(b"Alive",)) + result(3, DONE)
LDAP = 'service=ldap\nrequest="dc=a"\n'
NO_ANSWER = "down: No answer received"

SQL = 'login="joe"\npasswd="hunter2"\nrequest="SELECT 1"\n'
IN_A_SECOND = "checktimeout=1\nnegotiatetimeout=1\n"
needs_drivers = pytest.mark.skipif(
    subprocess.run(["perl", "-MDBD::mysql", "-MDBD::Pg", "-e1"], capture_output=True, check=False).returncode != 0,
    reason="apt-get install libdbd-mysql-perl libdbd-pg-perl",
)


@pytest.mark.difference("ldap: a failure")
async def test_what_a_failure_counts() -> None:
    text = site(closed_port(), LDAP)
    answer = await check(text)
    said = [(verdict.state, verdict.message) for verdict in answer.verdicts]
    assert said == [("down", "Connection failed"), ("down", "No answer received")]
    assert await ours(text) == "down: connect refused"


@pytest.mark.parametrize(
    ("talk", "receive", "expected"),
    [
        pytest.param(
            answering_each(BOUND, FOUND + END),
            "dc=a",
            ("up: Success", 'up: found "dc=a"'),
            marks=pytest.mark.difference("ldap: what `receive` matches"),
        ),
        pytest.param(
            answering_each(BOUND, FOUND + END, WHOLE),
            "o: Alive",
            ("down: Response mismatch", 'up: found "dc=a"'),
            marks=pytest.mark.difference("ldap: what `receive` matches"),
        ),
        pytest.param(
            answering_each(BOUND, FOUND + result(2, DONE, 51)),
            "dc",
            ("up: Success", "down: search refused: busy"),
            marks=pytest.mark.difference("ldap: an entry, and an error after it"),
        ),
        pytest.param(
            answering_each(BOUND, END),
            "dc",
            (NO_ANSWER, 'down: no entry "dc=a"'),
            marks=pytest.mark.difference("ldap: an entry, and an error after it"),
        ),
    ],
)
async def test_entries(talk: Talk, receive: str, expected: tuple[str, str]) -> None:
    assert expected == await of_one(talk, f'{LDAP}receive="{receive}"')


def packets(first: int, *bodies: bytes) -> bytes:
    """Return packets of MySQL, numbered from ``first`` on."""
    return b"".join(struct.pack("<I", len(body))[:3] + bytes((at,)) + body for at, body in enumerate(bodies, first))


OK, EOF = b"\0\0\0\x02\0\0\0", b"\xfe\0\0\x02\0"
COLUMN = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0"
ROWS = packets(1, b"\x01", COLUMN, EOF, b"\x011", EOF)
GREETING = b"\x0a5.5.0\0\x01\0\0\x0012345678\0\xff\xf7\x2d\x02\0\x0f\x80\x15" + bytes(10) + b"901234567890\0"


class MySql:
    """A server of one row; ``asked`` are the statements that it was sent, ``sent`` all that was."""

    def __init__(self, plugin: bytes = b"mysql_native_password") -> None:
        self.asked: list[bytes] = []
        self.sent = bytearray()
        self._plugin = plugin

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Log everybody in, and answer every statement."""
        writer.write(packets(0, GREETING + self._plugin + b"\0"))
        await self._packet(reader)
        writer.write(packets(2, OK))
        while (packet := await self._packet(reader))[:1] != b"\x01":  # the end
            if packet[:1] == b"\x03":
                self.asked.append(packet[1:])
                writer.write(ROWS if packet[1:].startswith(b"SELECT") else packets(1, OK))
            else:
                writer.write(packets(1, OK))

    async def _packet(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readexactly(4)
        body = await reader.readexactly(int.from_bytes(head[:3], "little"))
        self.sent += body
        return body


@needs_drivers
@pytest.mark.difference("mysql, oracle, pgsql: the statement")
async def test_how_often_a_statement_is_carried_out() -> None:
    for judge, times in ((original, 2), (ours, 1)):
        server = MySql()
        async with servers() as place:
            text = site(await place.start(server.talk), f"service=mysql\n{SQL}")
            assert (await judge(text)).partition(":")[0] == "up"
        assert server.asked.count(b"SELECT 1") == times


@needs_drivers
@pytest.mark.difference("mysql")
async def test_who_shows_a_password() -> None:
    for judge, shown in ((original, True), (ours, False)):
        server = MySql(b"mysql_clear_password")
        async with servers() as place:
            await judge(site(await place.start(server.talk), f"service=mysql\n{SQL}"))
        assert server.sent
        assert shown == (b"hunter2" in server.sent)


@needs_drivers
@pytest.mark.difference("mysql")
@pytest.mark.difference("pgsql")
async def test_who_waits_for_a_silent_database() -> None:
    held: list[bool] = []

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        closed, __ = await asyncio.wait([asyncio.ensure_future(reader.read())], timeout=3)
        held.append(not closed)

    async with servers() as place:
        port = await place.start(talk)
        texts = [site(port, f'service={kind}\ndatabase="shop"\n{SQL}{IN_A_SECOND}') for kind in ("mysql", "pgsql")]
        assert await asyncio.gather(*map(original, texts)) == ["down", "down"]
        reasons = await asyncio.gather(*map(ours, texts))
        assert [reason.startswith("down: no answer within 1 s") for reason in reasons] == [True, True]
        async with asyncio.timeout(20):
            while len(held) < 4:
                await asyncio.sleep(0.05)
    assert held == [True, True, False, False]


@needs_drivers
@pytest.mark.difference("pgsql")
async def test_whom_a_check_without_a_database_asks() -> None:
    async with servers() as place:
        text = site(await place.start(saying(b"N")), f"service=pgsql\n{SQL}")
        assert await original(text) == "down"
        assert place.connections == 0  # but a socket of this host
        assert (await ours(text)).startswith(("down: closed by server", "down: reset by server"))
        assert place.connections == 1


@pytest.mark.difference("mysql, oracle, pgsql without `login` or `request`")
@pytest.mark.parametrize("kind", ["mysql", "oracle", "pgsql"])
async def test_nobody_to_log_in(kind: str) -> None:
    text = site(closed_port(), f'service={kind}\nrequest="SELECT 1"\ndatabase="x"')
    answer = await check(text, rounds=2)
    assert [verdict.state for verdict in answer.verdicts] == ["down", "down"]
    assert [line.startswith("Error: Must specify a login") for line in answer.log] == [True, True]
    assert await ours(text) == "down: login is not set"
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        assert [warning.what for warning in load(file.name).warnings] == [
            f"a check of {kind} without login never passes"
        ]
