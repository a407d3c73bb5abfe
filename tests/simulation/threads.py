"""Daemon threads as events: a call runs inline when its thread would begin it, and its result comes later."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ldirectord_py.runtime.threads import DaemonThreads
from simulation.clock import CLOCK

if TYPE_CHECKING:
    from simulation.world import World

START_TIME: Final = 0.0002
"""Seconds until a thread begins."""

CALL_TIME: Final = 0.001
"""Seconds that a call takes."""

DISK: Final = frozenset({"shared", "state"})
"""The pools whose calls read or write files."""


class SimulatedThreads:
    """Stands in for ``DaemonThreads.submit``.

    Its state: how deep the calls are nested that run now, the seconds that the one that runs takes beyond CALL_TIME,
    the pools that have threads, until when the disk does not answer, and whether no thread can be started.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.depth = 0
        self.extra = 0.0
        self.disk_hangs_until = 0.0
        self.exhausted = False
        self._pools: dict[int, DaemonThreads] = {}

    def submit(self, pool: DaemonThreads, call: Callable[[], Any]) -> Future[Any]:
        """Return the future result of a call; raises OSError where no thread can be started."""
        job: Future[Any] = Future()
        if self.depth:  # a thread that waits for others: they run at once
            self._finish(job, *self._outcome(call))
            return job
        if pool._threads < pool._limit:
            if self.exhausted:
                self.world.hit("F15")
                raise OSError(errno.EAGAIN, "can't start new thread; raise the limit of processes")
            pool._threads += 1
            self._pools[id(pool)] = pool
            self.world.after(START_TIME, self._work, pool, self.world.life)
        pool._waiting[job] = call
        return job

    def wait(self, jobs: Collection[Future[Any]], seconds: float) -> tuple[set[Future[Any]], set[Future[Any]]]:
        """Stand in for ``concurrent.futures.wait``: what has not come yet does not come in this time."""
        late = {job for job in jobs if job.done() and isinstance(job.exception(), NeverError)}
        if late:
            self.extra += seconds
        return set(jobs) - late, late

    def reset(self) -> None:
        """Forget the threads of a process that has ended."""
        for pool in self._pools.values():
            pool._threads = 0
            pool._waiting.clear()
        self._pools.clear()

    def _work(self, pool: DaemonThreads, life: int) -> None:
        if life != self.world.life:
            return
        while pool._waiting:
            job, call = pool._waiting.popitem(last=False)
            if job.set_running_or_notify_cancel():
                self.extra = 0.0
                outcome = self._outcome(call)
                seconds = CALL_TIME + self.extra + self._disk_delay(pool)
                self.world.after(seconds, self._end, pool, life, partial(self._finish, job, *outcome))
                return
        pool._threads -= 1

    def _end(self, pool: DaemonThreads, life: int, finish: Callable[[], None]) -> None:
        if life == self.world.life:
            finish()
            self._work(pool, life)

    def _outcome(self, call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        self.depth += 1
        try:
            return call(), None
        except Exception as error:  # noqa: BLE001  raised again where it is awaited
            return None, error
        finally:
            self.depth -= 1

    def _finish(self, job: Future[Any], result: Any, error: BaseException | None) -> None:
        if error is None:
            job.set_result(result)
        else:
            job.set_exception(error)

    def _disk_delay(self, pool: DaemonThreads) -> float:
        late = self.disk_hangs_until - CLOCK.now
        if late <= 0 or pool._name not in DISK:
            return 0.0
        self.world.hit("F39")
        return late


class NeverError(Exception):
    """Stands for a call that does not return."""
