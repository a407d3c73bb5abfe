"""Blocking calls in daemon threads: they delay neither the event loop nor the end of the process.

The threads of an event loop's executor, and those of uvloop's own name look-ups, are joined when the loop is closed:
one call that hangs would delay the end of the process. These threads are never joined.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any, Final, TypeVar

from ldirectord_py.runtime.waiting import RunningTimeout

MAX_THREADS: Final = 64
"""Threads shared by all calls without a separate pool."""

T = TypeVar("T")


class DaemonThreads:
    """A set of at most ``limit`` daemon threads; further calls wait in order until one of these has returned.

    Its state: the calls that wait, and the number of threads. A thread ends when no call waits. May be used from
    several threads and event loops.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting = OrderedDict[Future[Any], Callable[[], Any]]()

    async def run(self, call: Callable[[], T], timeout: float | None = None) -> T:  # noqa: ASYNC109
        """Return the result of ``call``, or raise its exception.

        Raises TimeoutError after ``timeout`` seconds in which this process ran; the call then keeps its thread until it
        returns. Raises OSError (EAGAIN) when this host cannot start a thread, or when the call could not begin within
        ``timeout`` because those before it have not returned.
        """
        limit: AbstractAsyncContextManager[object] = nullcontext() if timeout is None else RunningTimeout(timeout)
        job = self.submit(call)
        try:
            async with limit:
                await watch(job)
        except TimeoutError:
            if self.cancel(job):
                raise OSError(
                    errno.EAGAIN, f"{self._limit} calls have not come back; look at disks and resolvers"
                ) from None
            raise
        except asyncio.CancelledError:
            self.cancel(job)
            raise
        try:
            return job.result()
        finally:
            del job  # its error refers to this frame

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Return the future result of a call; raises OSError (EAGAIN) when this host cannot start a thread."""
        job: Future[T] = Future()
        with self._lock:
            if self._threads < self._limit:
                self._start_thread()
            self._waiting[job] = call
        return job

    def cancel(self, job: Future[Any]) -> bool:
        """Withdraw a call; returns False when it has begun already."""
        with self._lock:
            self._waiting.pop(job, None)
        return job.cancel()

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, f"{error}; raise the limit of processes") from error
        self._threads += 1

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                job, call = self._waiting.popitem(last=False)
            _run(call, job)
            del call, job


_SHARED: Final = DaemonThreads("shared", MAX_THREADS)


async def run_in_daemon_thread(call: Callable[[], T], timeout: float) -> T:  # noqa: ASYNC109
    """Return what ``call`` returns in one of the shared daemon threads; see ``DaemonThreads.run``."""
    return await _SHARED.run(call, timeout)


def watch(job: Future[Any]) -> asyncio.Future[None]:
    """Return a future of the running loop that is done when the job is; cancelling it does not cancel the job."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def wake_loop(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_set, ended)

    job.add_done_callback(wake_loop)
    return ended


def _set(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _run(call: Callable[[], T], job: Future[T]) -> None:
    if not job.set_running_or_notify_cancel():
        return
    try:
        job.set_result(call())
    except BaseException as error:  # noqa: BLE001  raised again where it is awaited
        job.set_exception(error)
    finally:
        del call, job  # the error refers to this frame
