"""Each directive of checks changes verdicts in the original and in ours alike."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from harness.comparison import perl
from harness.comparison.checks import both, site
from harness.fakes.answers import radius_answer
from harness.fakes.datagrams import answering
from harness.fakes.scripted import Talk, closed_port, hanging, servers
from harness.servers.databases import postgres

pytestmark = perl.needs_original

LATE_SECONDS = 1.5
needs_postgresql = pytest.mark.skipif(
    not Path("/usr/lib/postgresql").exists()
    or subprocess.run(["perl", "-MDBD::Pg", "-e1"], capture_output=True, check=False).returncode != 0,
    reason="apt-get install postgresql libdbd-pg-perl",
)


async def up_or_down(config: str) -> tuple[str, str]:
    """Return the original's verdict and ours, without their reasons."""
    original, ours = await both(config)
    return original.partition(":")[0], ours.partition(":")[0]


def only(wanted: bytes) -> Talk:
    """Return a talk of HTTP that is well for requests with these bytes in them, and sick for others."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        well = wanted in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % (b"200 OK" if well else b"500 Sick"))

    return talk


async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nhealthy")


async def mailbox(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let joe in with his password, and nobody else."""
    writer.write(b"+OK ready\r\n")
    while line := (await reader.readline()).strip():
        refused = line.startswith((b"CAPA", b"USER", b"PASS")) and line not in {b"USER joe", b"PASS hunter2"}
        writer.write(b"-ERR no\r\n" if refused else b"+OK\r\n")


async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(LATE_SECONDS)
    writer.write(b"200 ready\r\n")


JOE = 'service=pop\nlogin="joe"\npasswd="hunter2"'
HTTP, NNTP = "service=http\n", "service=nntp\n"


@pytest.mark.parametrize(
    ("talk", "well", "sick"),
    [
        pytest.param(mailbox, JOE, JOE.replace("=pop", "=smtp"), id="service"),
        pytest.param(mailbox, JOE, JOE.replace("joe", "jane"), id="login"),
        pytest.param(mailbox, JOE, JOE.replace("hunter2", "hunter3"), id="passwd"),
        pytest.param(only(b"GET /health "), HTTP + 'request="health"', HTTP + 'request="other"', id="request"),
        pytest.param(page, HTTP + 'receive="^healthy$"', HTTP + 'receive="sick"', id="receive"),
        pytest.param(only(b"HEAD /"), HTTP + "httpmethod=HEAD", HTTP + "httpmethod=GET", id="httpmethod"),
        pytest.param(only(b"Host: www.example.com\r\n"), HTTP + "virtualhost=www.example.com", HTTP, id="virtualhost"),
        pytest.param(
            hanging(), f"{NNTP}checktype=connect", f"{NNTP}checktype=negotiate\nnegotiatetimeout=1", id="checktype"
        ),
        pytest.param(
            late,
            NNTP + "checktimeout=1\nnegotiatetimeout=20",
            NNTP + "checktimeout=20\nnegotiatetimeout=1",
            id="negotiatetimeout",
        ),
    ],
)
async def test_a_check_obeys(talk: Talk, well: str, sick: str) -> None:
    async with servers() as place:
        port = await place.start(talk)
        assert await up_or_down(site(port, well)) == ("up", "up")
        assert await up_or_down(site(port, sick)) == ("down", "down")


async def test_a_check_goes_to_the_checkport() -> None:
    async with servers() as place:
        config = site(closed_port(), "checktype=connect")
        assert await up_or_down(config) == ("down", "down")
        assert await up_or_down(f"{config}    checkport={await place.start(hanging())}\n") == ("up", "up")


@pytest.mark.parametrize(("command", "state"), [("/bin/true", "up"), ("/bin/false", "down")])
async def test_the_checkcommand_decides(command: str, state: str) -> None:
    assert await up_or_down(site(9, f"checktype=external\ncheckcommand={command}")) == (state, state)


@pytest.mark.parametrize(("timeouts", "state"), [((20, 1), "up"), ((1, 20), "down")])
async def test_a_command_has_the_checktimeout(timeouts: tuple[int, int], state: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\nexec sleep {LATE_SECONDS}\n")
    script.chmod(0o755)
    seconds = "checktimeout={}\nnegotiatetimeout={}".format(*timeouts)
    config = site(9, f"checktype=external\ncheckcommand={script}\n{seconds}")
    assert await up_or_down(config) == (state, state)


async def test_a_login_of_radius_takes_the_secret() -> None:
    directives = 'protocol=udp\nservice=radius\nlogin="joe"\npasswd="hunter2"\nchecktimeout=1\nnegotiatetimeout=1\n'
    async with answering(lambda request: [radius_answer(request, 2, b"", b"xyzzy")]) as server:
        assert await up_or_down(site(server.port, f'{directives}secret="xyzzy"')) == ("up", "up")
        assert await up_or_down(site(server.port, f'{directives}secret="other"')) == ("down", "down")


@needs_postgresql
async def test_a_query_goes_to_the_database() -> None:
    statements = ("CREATE USER joe PASSWORD 'hunter2'", "CREATE DATABASE shop")
    directives = 'service=pgsql\nlogin="joe"\npasswd="hunter2"\nrequest="SELECT 1"\ndatabase='
    with postgres("host all joe all password\n", statements) as port:
        assert await up_or_down(site(port, f'{directives}"shop"')) == ("up", "up")
        assert await up_or_down(site(port, f'{directives}"other"')) == ("down", "down")
