"""The watchdog is reset while probes end and rows are written, and no more once one of both is stuck (I10, F35)."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from builders import KINDS, config, down, unjudged, up, virtual
from harness.waiting import running_beside, until
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.watchdog import BEATS, WRITE_TIMEOUT, Activity, Watchdog, activities_of
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows

WEB = virtual("192.0.2.1:80", "10.0.0.1:80", "10.0.0.2:80", checkinterval=10, negotiatetimeout=5)
WATCHDOG = 30.0
INTERVAL = WATCHDOG / BEATS
PATIENCE = 10 + 4 * 5 + 30
"""Seconds in which a probe of WEB has to end."""


class Manager:
    """A service manager that counts how often its watchdog was reset, and beats on a clock of the test."""

    def __init__(self, folder: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(folder / "notify"))
        self.notify = SdNotify(str(folder / "notify"), WATCHDOG)
        self.now = 1000.0

    def resets(self) -> int:
        """Return how often the watchdog was reset since the last call."""
        count = 0
        while True:
            try:
                count += self.socket.recv(64) == b"WATCHDOG=1"
            except BlockingIOError:
                return count

    def pass_time(self, watchdog: Watchdog, seconds: float, between: Callable[[], object] = int) -> int:
        """Let so many seconds pass with a beat in each interval; return the resets."""
        end, resets = self.now + seconds, 0
        while self.now < end:
            self.now += INTERVAL
            between()
            watchdog.beat(self.now, INTERVAL)
            resets += self.resets()
        return resets


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


class StuckKernel(MemoryKernel):
    """A kernel whose writes do not return while it is stuck."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.free.set()
        self.waits = False

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        self.waits = not self.free.is_set()
        await self.free.wait()
        return await super().apply(ops, encoded)


@asynccontextmanager
async def running(kernel: MemoryKernel | None = None, served: Virtual = WEB) -> AsyncIterator[Director]:
    """Yield a director that writes what its observations ask for."""
    director = Director(kernel or MemoryKernel(), compile_config(config(served, reconcile=None), KINDS))
    await director.start()
    async with running_beside(director.run()):
        yield director


async def observe(director: Director, result: Result) -> None:
    """Let the first check have a result, and the director write what follows from it."""
    director.observe(first_check(director), result)
    await until(lambda: not director.is_write_due)


def first_check(director: Director) -> Check:
    return next(iter(director.compiled.plan))


async def test_F35_a_prober_that_does_not_progress_is_not_fed(
    manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as director:
        watchdog = Watchdog(manager.notify, activities_of(director))
        assert manager.pass_time(watchdog, PATIENCE) == PATIENCE / INTERVAL
        assert caplog.messages == []
        manager.pass_time(watchdog, 2 * INTERVAL)
        assert manager.pass_time(watchdog, 600) == 0
    assert caplog.messages == ["No probe ends, though some are due: the watchdog of this daemon is reset no more"]


async def test_one_probe_that_ends_in_time_is_progress_whatever_its_verdict(manager: Manager) -> None:
    async with running() as director:
        watchdog = Watchdog(manager.notify, activities_of(director))
        for result in (up(), down(), unjudged(), up()):
            assert manager.pass_time(watchdog, PATIENCE) == PATIENCE / INTERVAL
            await observe(director, result)


async def test_F35_a_writer_that_is_stuck_is_not_fed(manager: Manager, caplog: pytest.LogCaptureFixture) -> None:
    kernel = StuckKernel()
    async with running(kernel) as director:
        check = first_check(director)
        watchdog = Watchdog(manager.notify, activities_of(director))
        await observe(director, up())
        assert manager.pass_time(watchdog, 600, lambda: director.observe(check, up())) == 600 / INTERVAL

        kernel.free.clear()
        director.observe(check, down())
        await until(lambda: kernel.waits)
        assert manager.pass_time(watchdog, WRITE_TIMEOUT, lambda: director.observe(check, down())) > 0
        manager.pass_time(watchdog, 2 * INTERVAL, lambda: director.observe(check, down()))
        assert manager.pass_time(watchdog, 600, lambda: director.observe(check, down())) == 0
        stuck = "The kernel's table is not written, though rows are due: the watchdog of this daemon is reset no more"
        assert caplog.messages == [stuck]

        kernel.free.set()
        await until(lambda: not director.is_write_due)
        assert manager.pass_time(watchdog, INTERVAL) == 1
    assert caplog.messages[1:] == ["This daemon makes progress again: its watchdog is reset"]


async def test_a_director_without_checks_and_changes_has_nothing_to_do(manager: Manager) -> None:
    async with running(served=virtual("192.0.2.1:80", "10.0.0.1:80", checktype="on")) as director:
        await until(lambda: not director.is_write_due)
        watchdog = Watchdog(manager.notify, activities_of(director))
        assert manager.pass_time(watchdog, 86_400) == 86_400 / INTERVAL


async def test_a_host_that_is_slow_or_stands_still_is_not_restarted(manager: Manager) -> None:
    """Beats come ten minutes late, and a result only with each third of them."""
    async with running() as director:
        watchdog = Watchdog(manager.notify, activities_of(director))
        for beat in range(30):
            manager.now += 600
            if beat % 3 == 0:
                await observe(director, up())
            watchdog.beat(manager.now, INTERVAL)
            assert manager.resets() == 1


async def test_a_reload_to_shorter_intervals_has_time_for_the_first_probe(manager: Manager) -> None:
    slow = virtual("192.0.2.1:80", "10.0.0.1:80", checkinterval=3600, negotiatetimeout=5)
    async with running(served=slow) as director:
        watchdog = Watchdog(manager.notify, activities_of(director))
        manager.pass_time(watchdog, 3000)
        await director.reload(compile_config(config(WEB, reconcile=None), KINDS))
        await until(lambda: not director.is_write_due)
        assert manager.pass_time(watchdog, PATIENCE) == PATIENCE / INTERVAL
        await observe(director, up())
        manager.pass_time(watchdog, PATIENCE + 2 * INTERVAL)
        assert manager.pass_time(watchdog, 600) == 0


def activity(steps: list[int], at: int) -> Activity:
    return Activity(f"activity {at}", lambda: steps[at], lambda: True, lambda: 20.0)


def test_a_step_of_one_activity_does_not_stand_for_another(manager: Manager) -> None:
    done = [0, 0]
    watchdog = Watchdog(manager.notify, [activity(done, 0), activity(done, 1)])

    def step() -> None:
        done[0] += 1

    assert 0 < manager.pass_time(watchdog, 60, step) < 60 / INTERVAL
    assert manager.pass_time(watchdog, 60, step) == 0


async def test_it_is_reset_four_times_in_its_time(manager: Manager) -> None:
    watchdog = Watchdog(SdNotify(manager.notify.address, 0.08), ())
    resets = 0
    async with running_beside(watchdog.run()):
        began = time.monotonic()
        while resets < 5:
            await asyncio.sleep(0.005)
            resets += manager.resets()
        assert time.monotonic() - began >= 0.07


async def test_F35_a_loop_that_is_blocked_resets_nothing(manager: Manager) -> None:
    async with running_beside(Watchdog(SdNotify(manager.notify.address, 0.04), ()).run()):
        await asyncio.sleep(0.02)
        manager.resets()
        time.sleep(0.1)  # noqa: ASYNC251  what blocks the loop
        assert manager.resets() == 0


async def test_without_a_watchdog_it_ends_at_once(manager: Manager) -> None:
    await Watchdog(SdNotify(manager.notify.address), ()).run()
    assert manager.resets() == 0
