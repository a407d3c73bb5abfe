"""A server goes down or comes up in a table of 10,000: what it costs from the verdict until the kernel has the weight.

Counted is the CPU time of the whole process, from the result of a check to the kernel's answer: the director's
decision, its events, the message. This is in the virtual machine, where Python is 20 to 40 times slower than natively;
``reload`` has the same natively, without the kernel's own part, which is some microseconds.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from statistics import median

from bench.figure import Figure, Outcome
from harness.lab.fresh_namespace import fresh_namespace
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.model import Config, Forward, Globals, Real, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.netlink.client import NetlinkKernel
from ldirectord_py.ipvs.netlink.socket import OpenSocket, RawSocket, open_socket
from ldirectord_py.ipvs.table import Protocol, VirtualAddress

SHAPES = ((1000, 10), (1, 10_000))
CHANGES = 100
UP, DOWN = Result(Verdict.UP, "200 OK", 0.01), Result(Verdict.DOWN, "connect refused", 0.01)


def site(virtuals: int, reals: int) -> Config:
    """Return a configuration of quiescent virtuals."""
    return Config(Globals(reconcile=None), tuple(_virtual(number, reals) for number in range(virtuals)))


def _virtual(number: int, reals: int) -> Virtual:
    first = IPv4Address("10.64.0.0") + number * reals
    servers = tuple(Real(first + offset, 80, Forward.MASQ) for offset in range(1, reals + 1))
    key = VirtualAddress(Protocol.TCP, IPv4Address("10.0.0.0") + number + 1, 80)
    return Virtual(key, servers, service="http", quiescent=True)


@dataclass(slots=True)
class Sends:
    """Sockets to a kernel, and how often each sends."""

    opener: OpenSocket = open_socket
    counts: list[int] | None = None

    def __call__(self) -> RawSocket:
        """Return a socket; edits go over the first, dumps over the others."""
        if self.counts is None:
            self.counts = []
        self.counts.append(0)
        return _Counted(self.opener(), self.counts, len(self.counts) - 1)


class _Counted:
    def __init__(self, socket: RawSocket, counts: list[int], index: int) -> None:
        self._counts, self._index = counts, index
        self._socket, self.recv, self.close = socket, socket.recv, socket.close

    def send(self, data: bytes, /) -> int:
        """Send, and count it."""
        self._counts[self._index] += 1
        return self._socket.send(data)


def measure(runs: int) -> Outcome:
    """Return the CPU time of one change, beside ``ipvsadm -e``, which is told the row by hand."""
    figures = []
    for virtuals, reals in SHAPES:
        ours, theirs = [], []
        for _ in range(runs):
            with fresh_namespace():
                ours.append(asyncio.run(changed(virtuals, reals)))
                theirs.append(_ipvsadm(reals))
        what = f"one weight change, {virtuals:,} x {reals:,}"
        figures.append(Figure(what, "ms CPU", tuple(ours), tuple(theirs), "ipvsadm -e"))
    return Outcome(tuple(figures))


async def changed(virtuals: int, reals: int, opener: OpenSocket = open_socket) -> float:
    """Return the median CPU time of some changes, in milliseconds; none of them reads the kernel's table."""
    sends = Sends(opener)
    director = Director(kernel := NetlinkKernel(sends), compile_config(site(virtuals, reals), kinds()))
    await director.start()
    checks = list(director.compiled.plan)
    for check in checks:
        director.observe(check, UP)
    await director.reconcile()
    assert sends.counts is not None
    before, spent = list(sends.counts), []
    for check in checks[:: len(checks) // CHANGES]:
        spent += [await _change(director, check, result) for result in (DOWN, UP)]
    assert [before[0] + len(spent), *before[1:]] == sends.counts, "each change is one send, and no dump"
    await kernel.aclose()
    return median(spent) * 1e3


async def _change(director: Director, check: Check, result: Result) -> float:
    began = time.process_time()
    director.observe(check, result)
    await director.reconcile()
    return time.process_time() - began


def _ipvsadm(reals: int) -> float:
    """Return the CPU time of one edit by ipvsadm, in milliseconds."""
    address = IPv4Address("10.64.0.0") + reals
    edit = ["ipvsadm", "-e", "-t", "10.0.0.1:80", "-r", f"{address}:80", "-m", "-w"]
    before = _of_children()
    for weight in range(2, 7):
        subprocess.run([*edit, str(weight)], check=True)
    return (_of_children() - before) / 5 * 1e3


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
