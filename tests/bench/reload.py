"""A reload of 37,205 unchanged real servers of 2,277 virtuals, natively, while their checks go on.

The daemon is whole, on uvloop, but for two ends: the kernel's answers are made beforehand, and a probe is a wait of two
seconds. Beside it, natively too, one change of a weight.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import uvloop

from bench.change import SHAPES, changed
from bench.figure import Figure, Outcome, value_at_most
from bench.stand_in import StandIn
from ldirectord_py.checks.base import Check, Checker, Target
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.load import load
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.run import Daemon
from ldirectord_py.desired import desired
from ldirectord_py.health import HealthState
from ldirectord_py.instance.identity import Identity
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.netlink.client import NetlinkKernel

VIRTUALS, REALS = 2277, 37_205
PROBE_SECONDS, INTERVAL = 2.0, 60
TICK = 0.002

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seen:
    """One reload: its seconds by the clock and of CPU, the longest that the loop was held, and what went wrong."""

    wall: float
    cpu: float
    held: float
    ops: int
    lost: int
    repeated: int


def measure(runs: int) -> Outcome:
    """Return what reloads take, and single changes natively."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        path = Path(name, "ldirectord.cf")
        path.write_text("\n".join(lines(VIRTUALS, REALS)) + "\n")
        seen = [_on_uvloop(reloaded(path)) for _ in range(runs)]
    what = f"a reload of {REALS:,} unchanged reals"
    figures = [
        Figure(what, "s", tuple(one.wall for one in seen), target=value_at_most(1.5, "s")),
        Figure(f"{what}, CPU with the checks meanwhile", "s", tuple(one.cpu for one in seen)),
        Figure("the loop held during it", "ms", tuple(one.held for one in seen), target=value_at_most(100, "ms")),
        Figure("ops written by it", "", tuple(one.ops for one in seen), target=value_at_most(0, "")),
        Figure("probes lost by it", "", tuple(one.lost for one in seen), target=value_at_most(0, "")),
        Figure("probes repeated by it", "", tuple(one.repeated for one in seen), target=value_at_most(0, "")),
    ]
    for virtuals, reals in SHAPES:
        taken = tuple(_on_uvloop(changed(virtuals, reals, StandIn({}).open_socket)) for _ in range(runs))
        native = f"one weight change, {virtuals:,} x {reals:,}, natively"
        figures.append(Figure(native, "ms CPU", taken, target=value_at_most(1, "ms")))
    return Outcome(tuple(figures))


def lines(virtuals: int, reals: int) -> Iterator[str]:
    """Yield the lines of a configuration with ``reals`` servers, divided among the virtuals."""
    yield f"checktimeout = 5\ncheckinterval = {INTERVAL}\nreconcile = 10"
    first = IPv4Address("10.64.0.0")
    for virtual in range(virtuals):
        yield f"virtual = {IPv4Address('10.0.0.0') + virtual + 1}:80"
        for real in range(virtual * reals // virtuals, (virtual + 1) * reals // virtuals):
            yield f"\treal = {first + real}:80 masq {1 + real % 3}"
        yield '\tservice = http\n\trequest = "/health"\n\treceive = "OK"\n\tscheduler = wrr\n\tprotocol = tcp'


def _on_uvloop(work: Coroutine[None, None, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@dataclass(slots=True)
class Probed:
    """The probes in flight, how many of them were cut off, and how many began while one was in flight already."""

    in_flight: Counter[Target] = field(default_factory=Counter)
    lost: int = 0
    repeated: int = 0

    async def check(self, target: Target) -> str:
        """Pass after two seconds."""
        self.in_flight[target] += 1
        self.repeated += self.in_flight[target] > 1
        try:
            await asyncio.sleep(PROBE_SECONDS)
        except asyncio.CancelledError:
            self.lost += 1
            raise
        finally:
            self.in_flight[target] -= 1
        return "200 OK"

    def checker_for(self, _: Check, limits: CheckLimits) -> Checker:
        """Return the one check."""
        return self.check


async def reloaded(path: Path) -> Seen:
    """Return what a reload of this configuration does to its checks and to the loop."""
    loaded = load(path)
    up = {real.key: HealthState(up=True) for real in compile_config(loaded.config, kinds()).reals()}
    stand_in, probed = StandIn(desired(loaded.config, up, {})), Probed()
    with (
        patch("ldirectord_py.daemon.probing.limited.checker_for", probed.checker_for),
    ):
        identity = Identity(path, Instance(path.name, path.parent))
        daemon = Daemon(identity, loaded, SdNotify(), NetlinkKernel(stand_in.open_socket))
        started = asyncio.Event()
        directing = asyncio.create_task(daemon.run(started.set))
        await started.wait()
        await asyncio.sleep(PROBE_SECONDS + 1)
        seen = await _watched(daemon.reloader.reload, stand_in, probed)
        directing.cancel()
        with suppress(asyncio.CancelledError):
            await directing
        await daemon.close()
    return seen


async def _watched(reload: Callable[[], Coroutine[None, None, object]], stand_in: StandIn, probed: Probed) -> Seen:
    ops, lost, repeated, spent = stand_in.ops, probed.lost, probed.repeated, _cpu()
    held: list[float] = []
    ticking = asyncio.create_task(_tick(held))
    began = time.perf_counter()
    await reload()
    wall, cpu = time.perf_counter() - began, _cpu() - spent
    await asyncio.sleep(1)  # what the director does after it counts too
    ticking.cancel()
    return Seen(wall, cpu, max(held) * 1e3, stand_in.ops - ops, probed.lost - lost, probed.repeated - repeated)


async def _tick(held: list[float]) -> None:
    """Note by how much longer than asked each short sleep takes, for ever."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK)
        held.append(time.perf_counter() - began - TICK)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
