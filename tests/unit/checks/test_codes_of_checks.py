"""Each reason code comes out of a real check; those of all other failures are checked in ``expected_codes``."""

from __future__ import annotations

import asyncio
import shlex
import socket
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from harness.fakes import datagrams
from harness.fakes.answers import radius_answer
from harness.fakes.scripted import Servers, answering, closed_port, dialogue, exchange, hanging, saying
from ldirectord_py.checks.base import Check, Result, Target
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.probe import concluded, probe
from ldirectord_py.checks.progress import TLS_DONE
from ldirectord_py.checks.registry import checker_for
from ldirectord_py.daemon.reconciler.health_tracker import IN_MAINTENANCE, OUT_OF_MAINTENANCE
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.plugin import connect_tcp, set_progress

PEM = str(Path(__file__).parent / "transport" / "mail.example.com.pem")
SECRET = "xyzzy5461"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nalive"
QUERY: dict[str, Any] = {"login": "joe", "request": "SELECT 1"}

Outcome = Callable[[Servers], Awaitable[Result]]


async def run(kind: str, port: int, seconds: float = 10.0, address: str = "127.0.0.1", **fields: Any) -> Result:
    """Return the result of one probe, as the daemon makes it."""
    target = Target(ip_address(address), port, seconds, **fields)
    return await probe(checker_for(Check(kind, target, 1.0), CheckLimits()), target)


def http(answer: bytes, **fields: Any) -> Outcome:
    return lambda servers: _after(servers.start(answering(answer)), lambda port: run("http", port, **fields))


def served(kind: str, talk: Any, seconds: float = 10.0, **fields: Any) -> Outcome:
    return lambda servers: _after(servers.start(talk), lambda port: run(kind, port, seconds, **fields))


def refused(kind: str, **fields: Any) -> Outcome:
    return lambda _: run(kind, closed_port(), **fields)


def command(words: str, kind: str = "external", seconds: float = 10.0) -> Outcome:
    return lambda _: run(kind, 80, seconds, command=words)


async def _after(port: Awaitable[int], then: Callable[[int], Awaitable[Result]]) -> Result:
    return await then(await port)


async def _overloaded(_: Servers) -> Result:
    """Probe a server that accepts no connection any more: the kernel drops those beyond its backlog."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
        return await run("connect", listening.getsockname()[1], 0.2)


async def _handshake_only(servers: Servers) -> Result:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    port = await servers.start(hanging(), tls=context)

    async def check(target: Target) -> str:
        async with connect_tcp(target, tls=True):
            set_progress(TLS_DONE)
            return "encrypted"

    return await probe(check, Target(ip_address("127.0.0.1"), port, 10.0))


async def _unsigned(_: Servers) -> Result:
    async with datagrams.answering(lambda data: [radius_answer(data, 2, b"", SECRET.encode())]) as server:
        fields: dict[str, Any] = {"login": "nemo", "passwd": "arctangent", "secret": SECRET, "protocol": Protocol.UDP}
        return await run("radius", server.port, **fields)


async def _silent(_: Servers) -> Result:
    async with datagrams.answering(datagrams.silent) as server:
        return await run("dns", server.port, 0.2, protocol=Protocol.UDP)


async def _connect_of_a_number(servers: Servers) -> Result:
    port = await servers.start(answering(OK))
    target = Target(ip_address("127.0.0.1"), port, 10.0)
    checker = checker_for(Check("http", target, 1.0, connects=1, connect_timeout=5.0))
    assert (await probe(checker, target)).code is ReasonCode.L7OK
    return await probe(checker, target)


async def _stopped_process(_: Servers) -> Result:
    async def check(_: Target) -> str:
        await asyncio.sleep(0.05)
        time.sleep(0.4)  # noqa: ASYNC251  the loop stands still, as in a stopped process
        await asyncio.sleep(0.05)
        raise ConnectionResetError

    return concluded(await probe(check, Target(ip_address("127.0.0.1"), 80, 5.0)))


async def _maintenance(_: Servers) -> Result:
    assert OUT_OF_MAINTENANCE.code is IN_MAINTENANCE.code
    return IN_MAINTENANCE


OUTCOMES = [
    pytest.param("L4OK", served("connect", hanging()), id="connect"),
    pytest.param("L4OK", _connect_of_a_number, id="number"),
    pytest.param("L4TOUT", _overloaded, id="full-backlog"),
    pytest.param("L4CON", refused("connect"), id="refused"),
    pytest.param("L4CON", refused("imaps"), id="refused-tls"),
    pytest.param("L4CON", refused("dns", protocol=Protocol.UDP), id="refused-udp"),
    pytest.param("L4CON", refused("pgsql", **QUERY), id="refused-sql"),
    pytest.param("L6OK", _handshake_only, id="handshake-only"),
    pytest.param("L6TOUT", served("https", hanging(), 0.2), id="https"),
    pytest.param("L6TOUT", served("imaps", hanging(), 0.2), id="imaps"),
    pytest.param("L6RSP", served("https", saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")), id="https-plain"),
    pytest.param("L6RSP", served("ldaps", saying(b"no TLS at all")), id="ldaps-plain"),
    pytest.param("L6RSP", served("smtp", dialogue(b"220 a\r\n", b"250 a\r\n"), starttls=True), id="no-starttls"),
    pytest.param("L6RSP", served("pgsql", exchange(b"N", hang=True), **QUERY, tlsverify=True), id="pgsql-no-tls"),
    pytest.param("L7OK", http(OK, receive="alive"), id="http"),
    pytest.param("L7OK", served("nntp", saying(b"200 news\r\n")), id="nntp"),
    pytest.param("L7OKC", _unsigned, id="radius-unsigned"),
    pytest.param("L7TOUT", served("http", hanging(), 0.2), id="http-silent"),
    pytest.param("L7TOUT", served("smtp", hanging(), 0.2), id="smtp-silent"),
    pytest.param("L7TOUT", served("mysql", hanging(), 0.2, **QUERY), id="mysql-silent"),
    pytest.param("L7TOUT", _silent, id="dns-silent"),
    pytest.param("L7RSP", http(OK, receive="dead"), id="receive"),
    pytest.param("L7RSP", http(b"SSH-2.0-OpenSSH\r\n"), id="not-http"),
    pytest.param("L7RSP", served("pop", saying()), id="closed"),
    pytest.param("L7STS", http(b"HTTP/1.1 503 Busy\r\n\r\n"), id="http-503"),
    pytest.param("L7STS", served("smtp", saying(b"421 busy\r\n")), id="smtp-421"),
    pytest.param("L7STS", served("ftp", saying(b"530 no\r\n")), id="ftp-530"),
    pytest.param("L7STS", served("nntp", saying(b"400 closed\r\n")), id="nntp-400"),
    pytest.param("L7STS", served("imap", saying(b"* BYE\r\n")), id="imap-bye"),
    pytest.param("L7STS", served("pop", saying(b"-ERR\r\n")), id="pop-err"),
    pytest.param("PROCOK", command("true"), id="true"),
    pytest.param("PROCERR", command("false"), id="false"),
    pytest.param("PROCERR", command("/nowhere/at/all"), id="no-command"),
    pytest.param("PROCERR", command(f"{shlex.quote(sys.executable)} -c 'import os; os.abort()'"), id="aborted"),
    pytest.param("PROCERR", command("/nowhere/at/all", "external-perl"), id="no-perl-script"),
    pytest.param("PROCTOUT", command("sh -c 'exec sleep 5'", seconds=0.2), id="sleep"),
    pytest.param("SOCKERR", lambda _: run("connect", 80, address="255.255.255.255"), id="no-route-of-ours"),
    pytest.param("NAMEERR", refused("http", request="http://nowhere.invalid/"), id="unknown-name"),
    pytest.param("CONFERR", refused("mysql", login="joe"), id="no-request"),
    pytest.param("CONFERR", refused("http_proxy", request="/"), id="no-url"),
    pytest.param("CONFERR", command("echo 'half"), id="half-a-quote"),
    pytest.param("DOUBT", _stopped_process, id="stopped"),
    pytest.param("MAINT", _maintenance, id="maintenance"),
    pytest.param("NOCHECK", refused("none"), id="none"),
]


@pytest.fixture(autouse=True)
def _no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(host: str, *_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, f"no {host}")

    monkeypatch.setattr("ldirectord_py.checks.transport.connection.socket.getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(("code", "outcome"), OUTCOMES)
async def test_a_check_has_its_code(servers: Servers, code: str, outcome: Outcome) -> None:
    result = await outcome(servers)
    assert result.code == code, result


def test_every_code_is_among_them() -> None:
    assert {case.values[0] for case in OUTCOMES} == set(ReasonCode)
