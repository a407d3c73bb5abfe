"""Two hundred servers of many kinds, half of them silent: every check begins on time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

import pytest

from harness.fakes.scripted import Talk, answering, dialogue, saying
from harness.fakes.threaded import ThreadedServers
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.checktypes import command
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.registry import checker_for, room_for
from ldirectord_py.daemon.probing.prober import Prober
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import FirewallMark, Protocol

INTERVAL, TIMEOUT, SECONDS = 1.5, 1.0, 7.5
ON_TIME = 0.1

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nTest Page\n"

TALKS: Mapping[str, Talk] = {
    "connect": saying(),
    "http": answering(PAGE),
    "imap": dialogue(b"* OK ready\r\n", b"a OK\r\n"),
    "nntp": saying(b"200 ready\r\n"),
    "none": saying(),
    "pop": dialogue(b"+OK ready\r\n", b"+OK\r\n"),
    "simpletcp": dialogue(b"", b"pong\r\n"),
    "smtp": dialogue(b"220 ready\r\n", b"250 hello\r\n", b"221 bye\r\n"),
}
"""What a server of each kind says when it is well."""

SILENT = ["dns", "external", "ftp", "http", "https", "imap", "imaps", "ldap", "ldaps", "nntp", "pgsql", "pop", "pops"]
SILENT += ["radius", "simpletcp", "sip", "smtp", "submission"]
OVER_UDP = {"dns", "radius", "sip"}
WORDS = {"http": ("/", "Test Page"), "simpletcp": ("ping\r\n", "pong")}


@contextlib.contextmanager
def silent_ports() -> Iterator[Mapping[Protocol, int]]:
    """Yield ports where the kernel takes connections and datagrams, and nobody answers."""
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        stream.listen(4096)
        datagrams.bind(("127.0.0.1", 0))
        yield {Protocol.TCP: stream.getsockname()[1], Protocol.UDP: datagrams.getsockname()[1]}


NOISE = """
import select, sys, time
most = 0.0
while True:
    began = time.monotonic()
    if select.select([sys.stdin], [], [], 0.01)[0]:
        break
    most = max(most, time.monotonic() - began - 0.01)
print(most)
"""


class Noise:
    """A process of its own that measures by how many seconds this machine wakes sleepers late."""

    def __init__(self) -> None:
        argv = (sys.executable, "-c", NOISE)
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self) -> float:
        """Return the most."""
        return float(self._process.communicate()[0])


def target(number: int, port: int, protocol: Protocol = Protocol.TCP) -> Target:
    """Return a target that differs from all others, though it may be on the same port."""
    return Target(ip_address("127.0.0.1"), port, TIMEOUT, protocol, virtual=FirewallMark(number), passwd="secret")


def well(good: Mapping[str, int]) -> list[Check]:
    """Return a hundred checks that pass."""
    kinds, checks = [*good, "external", "ping"], []
    for number in range(100):
        kind = kinds[number % len(kinds)]
        request, receive = WORDS.get(kind, ("", ""))
        words = replace(target(number, good.get(kind, 0)), request=request, receive=receive, command="/bin/true")
        checks.append(Check(kind, words, INTERVAL))
    return checks


def unwell(silent: Mapping[Protocol, int]) -> list[Check]:
    """Return a hundred checks of servers that say nothing."""
    checks = []
    for number in range(100, 200):
        kind = SILENT[number % len(SILENT)]
        protocol = Protocol.UDP if kind in OVER_UDP else Protocol.TCP
        words = target(number, silent[protocol], protocol)
        words = replace(
            words, request="www.example.net", login="anna", secret="xyzzy", command="/bin/sh -c 'exec sleep 60'"
        )
        checks.append(Check(kind, words, INTERVAL))
    return checks


async def test_F2_F3_F16_every_check_begins_within_100_ms_of_its_due_time(monkeypatch: pytest.MonkeyPatch) -> None:
    late: list[float] = []
    found: Mapping[Check, Counter[Verdict]] = defaultdict(Counter)
    monkeypatch.setattr(command, "TERMINATION_TIMEOUT", 0.5)

    noise = Noise()
    with ThreadedServers() as elsewhere, silent_ports() as silent:
        good = {kind: elsewhere.start(talk) for kind, talk in TALKS.items()}
        passing, failing = well(good), unwell(silent)
        checks = [check for pair in zip(passing, failing, strict=True) for check in pair]
        prober = Prober(
            lambda check, result: found[check].update([result.verdict]),
            checker_for,
            partial(room_for, limits=CheckLimits()),
            lambda _, seconds: late.append(seconds),
        )
        prober.set_checks(checks)
        await asyncio.sleep(SECONDS)
        await prober.close()
    late.sort()
    asleep = noise.end()
    middle, most = statistics.median(late) * 1000, late[int(len(late) * 0.99)] * 1000
    print(f"{len(late)} probes of {len(checks)} checks: late by {middle:.1f} ms in the middle, {most:.1f} ms at 99 %,")
    print(f"{late[-1] * 1000:.1f} ms at most, while this machine woke others up to {asleep * 1000:.1f} ms late")
    assert len(late) >= 200 * (SECONDS / INTERVAL - 2)
    assert late[-1] < ON_TIME + asleep
    assert {check: set(found[check]) for check in failing} == {check: {Verdict.DOWN} for check in failing}
    down = {check.kind for check in passing if Verdict.DOWN in found[check] or not found[check]}
    assert down == set()
    await command.all_ended()
