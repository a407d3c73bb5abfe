"""Cancelled probes leave no reference cycles, which are never collected while garbage collection is frozen."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections import Counter
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.fakes.scripted import reset
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for, room_for
from ldirectord_py.daemon.probing.prober import Prober
from ldirectord_py.ipvs.table import Protocol

TESTS = Path(__file__).parents[2]

OURS = "ldirectord_py"


def garbage() -> Counter[str]:
    """Count our objects and exceptions that only the garbage collector frees, by class."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        found = [type(each) for each in gc.garbage]
        return Counter(
            kind.__name__ for kind in found if kind.__module__.startswith(OURS) or issubclass(kind, BaseException)
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


KINDS = ("connect", "http", "https", "smtp", "ldap", "mysql", "pgsql", "dns", "sip")


def checks(port: int, interval: int) -> list[Check]:
    """Return a check of each kind, for a server that accepts connections and refuses datagrams."""
    checks = []
    for kind in KINDS:
        protocol = Protocol.UDP if kind in {"dns", "sip"} else Protocol.TCP
        target = Target(IPv4Address("127.0.0.1"), port, 5.0, protocol, login="a", request="x", database="b")
        checks.append(Check(kind, target, interval))
    return checks


@pytest.mark.slow
async def test_probes_that_are_cancelled_leave_no_cycles() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    prober = Prober(lambda *_: None, checker_for, partial(room_for, limits=CheckLimits()))
    prober.set_checks(checks(port, 1))
    await asyncio.sleep(0.5)
    prober.set_checks(())
    await asyncio.sleep(0.1)
    gc.collect()
    gc.disable()
    try:
        for number in range(2, 4):
            prober.set_checks(checks(port, number))
            await asyncio.sleep(0.3)
        prober.set_checks(checks(port, 4))
        prober.set_checks(())  # before the first step of the new probes
        await asyncio.sleep(0.3)
        assert garbage() == {}
    finally:
        gc.enable()
        await prober.close()
        server.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dns", "ftp", "ldap", "pgsql", "sip", "smtp"])
async def test_a_probe_of_a_server_that_resets_leaves_no_cycles(kind: str) -> None:
    """Readers keep the error of a lost connection, which must not refer to them."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # unread data make the kernel reset the connection
        reset(writer)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"200 hi\r\n")
        await talk(reader, writer)

    server = await asyncio.start_server(greet if kind in {"ftp", "smtp"} else talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = Target(IPv4Address("127.0.0.1"), port, 10.0, Protocol.TCP, login="a", request="x", database="b")
    checker = checker_for(Check(kind, target, 10))
    await probe(checker, target)  # fills the caches
    await asyncio.sleep(0.05)
    gc.collect()
    gc.disable()
    try:
        reasons = {(await probe(checker, target)).reason for _ in range(3)}
        await asyncio.sleep(0.05)
        assert garbage() == {}
        assert all(reason.startswith("reset by server") for reason in reasons), reasons
    finally:
        gc.enable()
        server.close()


@pytest.mark.slow
@pytest.mark.parametrize("service", ["http", "smtp"])
def test_F28_reloads_that_change_checks_do_not_grow_the_process(service: str) -> None:
    """It once grew from 35 to 61 MB in 2,000 reloads that each changed 20 checks."""
    rounds = os.environ.get("RELOADS", "400")
    ended = subprocess.run(
        [sys.executable, "-m", "harness.reload_memory", service, rounds],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert ended.returncode == 0, ended.stderr
    first, last = map(int, ended.stdout.split())
    print(f"{service}: {first} kB after ten reloads, {last} kB after {rounds}")
    assert last < 1.05 * first
