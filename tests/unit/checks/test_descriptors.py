"""Faults of this host give no verdict, and no probe leaves a descriptor behind."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from harness.fakes.scripted import Servers, answering, closed_port, hanging, saying
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

LOCALHOST = ip_address("127.0.0.1")


def client_sockets(ports: Collection[int]) -> int:
    """Return how many Internet sockets this process has, but for those of servers on ``ports``."""
    entries = [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_socket()]
    return sum(_local_port(int(entry.name)) not in {None, *ports} for entry in entries)


def _local_port(descriptor: int) -> int | None:
    """Return the port of an Internet socket; None for others."""
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        name = copy.getsockname()
    return name[1] if isinstance(name, tuple) else None


def _highest() -> int:
    return max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Use up every descriptor below a limit that is lowered for the time being."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_highest() + 4, hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        try:
            while True:
                stack.callback(os.close, os.open("/dev/null", os.O_RDONLY))
        except OSError:
            yield


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [
        ("connect", Protocol.TCP),
        ("http", Protocol.TCP),
        ("smtp", Protocol.TCP),
        ("ldap", Protocol.TCP),
        ("ldaps", Protocol.TCP),
        ("simpletcp", Protocol.TCP),
        ("simpletcp", Protocol.UDP),
        ("dns", Protocol.TCP),
        ("dns", Protocol.UDP),
        ("radius", Protocol.UDP),
        ("sip", Protocol.TCP),
        ("sip", Protocol.UDP),
        ("ping", Protocol.TCP),
        ("external", Protocol.TCP),
    ],
)
@pytest.mark.difference("A fault of the director's own host (no file descriptor, no memory)")
async def test_F37_without_a_descriptor_there_is_no_verdict(kind: str, protocol: Protocol) -> None:
    target = Target(LOCALHOST, 9, 10.0, protocol=protocol, request="/", command="/bin/true")
    checker = checker_for(Check(kind, target, 10.0))
    with no_descriptor_left():
        result = await probe(checker, target)
    assert result.verdict is Verdict.NONE
    assert "too many open files" in result.reason


@pytest.mark.slow
async def test_F11_a_full_backlog_is_down_at_the_deadline_as_not_connected() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        target = Target(LOCALHOST, listener.getsockname()[1], 0.3, request="/")
        for kind in ("connect", "http", "smtp"):
            result = await probe(checker_for(Check(kind, target, 10.0)), target)
            expected = (Verdict.DOWN, "no answer within 0.3 s (not connected)")
            assert expected == (result.verdict, result.reason)


@pytest.mark.parametrize(
    "kind",
    [
        *("connect", "http", "https", "http_proxy", "smtp", "pop", "pops", "imaps", "simpletcp", "dns", "sip"),
        *("ftp", "ldap", "ldaps", "nntp"),
    ],
)
async def test_no_probe_leaves_a_descriptor_behind(servers: Servers, kind: str) -> None:
    """Whether the server answers, hangs, closes or refuses."""
    talks = (answering(b"HTTP/1.1 200 OK\r\n\r\n"), hanging(), hanging(b"+OK\r\n"), saying(b"220 x\r\n"), saying())
    ports = [await servers.start(talk) for talk in talks]
    targets = [Target(LOCALHOST, port, 0.1, request="/", receive="x") for port in (*ports, closed_port())]

    for _ in range(2):
        await asyncio.gather(*(probe(checker_for(Check(kind, target, 10.0)), target) for target in targets * 3))
    async with asyncio.timeout(10):  # a transport closes its socket in a later turn of the loop
        while client_sockets(ports):
            await asyncio.sleep(0.01)
