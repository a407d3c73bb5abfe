"""A table written and read back: ours beside ipvsadm, each time in a fresh network namespace.

Ours is timed from rows in memory to the last answer: the comparison with an empty table, the messages, the kernel's
work, and the thread for it. Its rows are encoded already, as a daemon encodes them when it compiles its configuration;
where it says "not encoded before", the encoding is part of the time. ipvsadm is timed as a program, from its start
to its end.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from bench.figure import Figure, Outcome, Target, ratio_at_most
from harness.lab.fresh_namespace import fresh_namespace
from ldirectord_py.ipvs.diff import diff
from ldirectord_py.ipvs.ipvsadm import save
from ldirectord_py.ipvs.netlink.client import NetlinkKernel
from ldirectord_py.ipvs.netlink.encode import encode_valid
from ldirectord_py.ipvs.netlink.socket import RawSocket, open_socket
from ldirectord_py.ipvs.table import (
    NOT_ENCODED,
    Destination,
    DestinationKey,
    EncodedRows,
    ForwardMethod,
    Protocol,
    Row,
    Service,
    Table,
    VirtualAddress,
)
from ldirectord_py.runtime.garbage import gc_paused

SHAPES = {(1000, 10): 20, (100, 100): 20, (1, 5000): 8}
"""Services, destinations of each, and how many times faster than ``ipvsadm --restore`` they are to be written."""
SENDS = ratio_at_most(2.5)
READ = ratio_at_most(0.5, "at most half")
SCHEDULER = "rr"
"""With ``wrr`` the kernel walks all destinations of a service twice more for each that is added."""
REST = 3.0
"""Seconds between two tables: the kernel takes the former apart meanwhile, and counts its rates no more."""


def table(services: int, destinations: int) -> Table:
    """Return a table with rows of its own."""
    rows: list[Row] = []
    for one in range(services):
        key = VirtualAddress(Protocol.TCP, IPv4Address("10.0.0.0") + one + 1, 80)
        rows.append(Service(key, SCHEDULER))
        first = IPv4Address("10.64.0.0") + one * destinations
        rows += [
            Destination(DestinationKey(key, first + number, 80), ForwardMethod.MASQUERADE, 1)
            for number in range(1, destinations + 1)
        ]
    return {row.key: row for row in rows}


@dataclass(slots=True)
class Stopwatch:
    """The seconds spent inside its blocks."""

    seconds: float = 0.0
    began: float = 0.0

    def __enter__(self) -> None:
        self.began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self.began


@dataclass(slots=True)
class Timed:
    """A socket that counts the seconds inside its calls."""

    socket: RawSocket = field(default_factory=open_socket)
    sending: Stopwatch = field(default_factory=Stopwatch)
    receiving: Stopwatch = field(default_factory=Stopwatch)

    def send(self, data: bytes, /) -> int:
        """Send, and count how long it takes."""
        with self.sending:
            return self.socket.send(data)

    def recv(self, size: int, /) -> bytes:
        """Receive, and count how long it takes."""
        with self.receiving:
            return self.socket.recv(size)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


class Sockets(list[Timed]):
    """Sockets to the kernel as they are opened."""

    def __call__(self) -> Timed:
        """Return another one."""
        self.append(Timed())
        return self[-1]

    @property
    def sending(self) -> float:
        """Seconds inside the sends of all."""
        return sum(one.sending.seconds for one in self)

    @property
    def calling(self) -> float:
        """Seconds inside all their calls."""
        return self.sending + sum(one.receiving.seconds for one in self)


@dataclass(slots=True)
class Runs:
    """Seconds of one shape, run by run."""

    restore: list[float] = field(default_factory=list)
    write: list[float] = field(default_factory=list)
    fresh: list[float] = field(default_factory=list)
    sends: list[float] = field(default_factory=list)
    save: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    calls_again: list[float] = field(default_factory=list)


def measure(runs: int) -> Outcome:
    """Return how long tables take to be written and read, beside ipvsadm in the same boot."""
    figures = [figure for shape in SHAPES for figure in _shape(shape, runs)]
    return Outcome(tuple(figures))


def _shape(shape: tuple[int, int], runs: int) -> Iterator[Figure]:
    taken = Runs()
    for _ in range(runs):
        _round(shape, taken)
    services, destinations = shape
    name, times = f"{services:,} x {destinations:,}", SHAPES[shape]
    faster = Target(SENDS.kind, 1 / times, f"at most 1/{times}")
    yield _figure(f"{name} written", taken.write, taken.restore, "ipvsadm --restore", faster)
    yield _figure(f"{name} written, not encoded before", taken.fresh, taken.restore, "ipvsadm --restore", None)
    yield _figure(f"{name} written", taken.write, taken.sends, "the kernel's send", SENDS)
    yield _figure(f"{name} read for the first time", taken.read, taken.save, "ipvsadm -Sn", READ)
    yield _figure(f"{name} read for the first time", taken.read, taken.calls, "its system calls", None)
    yield _figure(f"{name} read back", taken.again, taken.save, "ipvsadm -Sn", READ)
    yield _figure(f"{name} read back", taken.again, taken.calls_again, "its system calls", None)


def _figure(what: str, ours: list[float], theirs: list[float], peer: str, target: Target | None) -> Figure:
    return Figure(what, "s", tuple(ours), tuple(theirs), peer, target)


def _round(shape: tuple[int, int], taken: Runs) -> None:
    rows = table(*shape)
    text = save(rows)
    gc.collect()
    with _empty_table():
        taken.restore.append(_seconds(lambda: _ipvsadm("--restore", text)))
        taken.save.append(_seconds(lambda: _ipvsadm("-Sn")))
        asyncio.run(_read(rows, taken))
    with _empty_table():
        taken.fresh.append(asyncio.run(_write(rows, NOT_ENCODED))[0])
    encoded = encode_valid(rows.values())
    with _empty_table():
        whole, sends = asyncio.run(_write(rows, encoded))
        taken.write.append(whole)
        taken.sends.append(sends)


@contextmanager
def _empty_table() -> Iterator[None]:
    with fresh_namespace():
        yield
        _ipvsadm("-C")
    time.sleep(REST)


async def _write(rows: Table, encoded: EncodedRows) -> tuple[float, float]:
    """Write the rows into an empty table; return the seconds from first to last, and those inside send()."""
    kernel = NetlinkKernel(sockets := Sockets())
    current = await kernel.read()
    before = sockets.sending
    began = time.perf_counter()
    with gc_paused():
        refused = await kernel.apply(diff(current, rows), encoded)
    whole = time.perf_counter() - began
    sends = sockets.sending - before
    assert not refused
    assert dict(rows) == await kernel.read()
    await kernel.aclose()
    return whole, sends


async def _read(rows: Table, taken: Runs) -> None:
    kernel = NetlinkKernel(sockets := Sockets())
    for seconds, inside in ((taken.read, taken.calls), (taken.again, taken.calls_again)):
        before, began = sockets.calling, time.perf_counter()
        found = await kernel.read()
        seconds.append(time.perf_counter() - began)
        inside.append(sockets.calling - before)
        assert found == dict(rows)
        del found
    await kernel.aclose()


def _ipvsadm(argument: str, given: str = "") -> None:
    subprocess.run(["ipvsadm", argument], check=True, capture_output=True, text=True, input=given)


def _seconds(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
