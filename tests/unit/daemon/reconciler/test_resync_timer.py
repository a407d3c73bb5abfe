"""What fails is tried again after delays that double, and soon again once something has worked."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

from builders import KINDS, config, virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.reconciler.resync_timer import MAX_RETRY_DELAY, MIN_RETRY_DELAY, ResyncTimer
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Table


async def test_a_resync_is_due_at_once_or_after_a_period_or_never(clock: list[float]) -> None:
    timer = ResyncTimer()
    assert timer.at == math.inf
    timer.schedule(10)
    assert timer.at == 1010.0
    timer.schedule(None)
    assert timer.at == math.inf
    timer.due_now()
    assert timer.at < clock[0]


async def test_delays_grow_to_a_limit_and_start_again(clock: list[float]) -> None:
    timer, delays = ResyncTimer(), []
    for _ in range(8):
        timer.schedule(None)
        timer.back_off()
        delays.append(timer.at - clock[0])
    assert delays == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    timer.schedule(None)
    timer.reset()
    timer.back_off()
    assert timer.at - clock[0] == MIN_RETRY_DELAY


async def test_a_retry_is_not_later_than_the_resync_that_is_due(clock: list[float]) -> None:
    timer = ResyncTimer()
    timer.schedule(0)
    timer.back_off()
    assert timer.at == clock[0]


class Timed(MemoryKernel):
    """A kernel that records when it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[float] = []

    async def read(self) -> Table:
        self.reads.append(asyncio.get_running_loop().time())
        return await super().read()


async def test_a_kernel_that_is_back_without_a_change_is_soon_tried_again_when_it_goes(clock: list[float]) -> None:
    director = Director(kernel := Timed(), compile_config(config(virtual("10.0.0.1:80"), reconcile=None), KINDS))
    await director.start()

    async def lost(seconds: int) -> list[float]:
        """Return the delays between the reads of a kernel that is out of reach so long."""
        kernel.broken = KernelError("gone")
        await director.reconcile(resync=True)
        kernel.reads.clear()
        for _ in range(seconds):
            clock[0] += 1
            if clock[0] >= director.sync.resync_timer.at:
                await director.reconcile()
        kernel.broken = None
        clock[0] += MAX_RETRY_DELAY
        await director.reconcile()
        return [after - before for before, after in pairwise(kernel.reads)]

    assert (await lost(20))[:3] == [2.0, 4.0, 8.0]
    assert (await lost(20))[:3] == [2.0, 4.0, 8.0]
