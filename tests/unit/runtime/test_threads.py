"""Blocking calls in bounded sets of daemon threads, which do not delay the end of the process."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator

import pytest

from ldirectord_py.runtime.threads import MAX_THREADS, DaemonThreads, run_in_daemon_thread


class FaultError(Exception):
    pass


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What hangs until it is set, at the latest when the test is over."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_call_returns_its_value_from_another_thread() -> None:
    assert await run_in_daemon_thread(threading.get_ident, 5) != threading.get_ident()


async def test_the_exception_of_a_call_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_in_daemon_thread(lambda: 1 // 0, 5)


async def test_a_call_that_hangs_times_out_and_keeps_its_thread(hanging: threading.Event) -> None:
    with pytest.raises(TimeoutError):
        await run_in_daemon_thread(hanging.wait, 0.2)  # or a busy host may not have begun it
    hanging.set()
    await asyncio.sleep(0.01)


async def test_F43_a_call_has_its_time_while_this_process_runs(hanging: threading.Event) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, time.sleep, 0.5)
    loop.call_later(0.02, lambda: loop.call_later(0.02, hanging.set))
    assert await run_in_daemon_thread(hanging.wait, 0.3)


async def test_a_host_without_a_thread_to_spare_is_an_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(OSError, match="can't start new thread; raise the limit of processes"):
        await run_in_daemon_thread(threading.get_ident, 5)


async def test_calls_that_hang_use_no_more_threads_than_the_limit(hanging: threading.Event) -> None:
    threads = DaemonThreads("bounded", 3)
    begun = [asyncio.create_task(threads.run(hanging.wait, 60)) for _ in range(3)]
    await asyncio.sleep(0)
    for _ in range(3):
        with pytest.raises(OSError, match="3 calls have not come back"):
            await threads.run(threading.get_ident, 0.01)
    assert sum(thread.name == "bounded" for thread in threading.enumerate()) == 3
    async with asyncio.timeout(30):  # a busy machine may not have run the threads yet
        while threads._waiting:  # what was given up does not pile up either
            await asyncio.sleep(0.01)
    hanging.set()
    await asyncio.gather(*begun)
    assert await threads.run(threading.get_ident, 5)


async def test_calls_beyond_the_limit_wait_for_their_turn_in_order() -> None:
    threads, order = DaemonThreads("ordered", 1), list[int]()
    await asyncio.gather(*(threads.run(lambda number=number: order.append(number)) for number in range(20)))  # type: ignore[misc]
    assert order == list(range(20))


async def test_a_cancelled_call_that_has_not_begun_never_begins(hanging: threading.Event) -> None:
    threads, begun = DaemonThreads("cancelled", 1), list[int]()
    first = asyncio.create_task(threads.run(hanging.wait, 60))
    second = asyncio.create_task(threads.run(lambda: begun.append(2)))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    hanging.set()
    await first
    await threads.run(lambda: begun.append(3))
    assert begun == [3]


async def test_an_error_leaves_no_cycle_behind() -> None:
    threads = DaemonThreads("cycles", 1)
    left: list[weakref.ref[FaultError]] = []

    def fail() -> None:
        error = FaultError()
        left.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    gc.disable()
    try:
        with pytest.raises(FaultError):
            await threads.run(fail)
        while any(thread.name == "cycles" for thread in threading.enumerate()):
            await asyncio.sleep(0.001)
        assert left[0]() is None
    finally:
        gc.enable()


PROGRAM = """
import asyncio, socket, sys, threading, time
import uvloop
from ldirectord_py.checks.threads import THREADS
from ldirectord_py.checks.transport import connection
from ldirectord_py.runtime.lookup import resolve_addresses
from ldirectord_py.runtime.threads import DaemonThreads, run_in_daemon_thread

for_ever = threading.Event().wait
socket.getaddrinfo = lambda *_, **__: for_ever()

async def main():
    hung = [connection.connect("web.example.com", 80) for _ in range(40)]
    hung += [resolve_addresses("mail.example.com", 25) for _ in range(8)]
    hung += [THREADS.run(for_ever) for _ in range(40)]
    hung += [run_in_daemon_thread(for_ever, 60) for _ in range(100)]
    tasks = [asyncio.create_task(work) for work in hung]
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(threading.active_count(), flush=True)

loop_factory = uvloop.new_event_loop if sys.argv[1] == "uvloop" else None
with asyncio.Runner(loop_factory=loop_factory) as runner:
    runner.run(main())
print(time.monotonic(), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_the_end_of_a_process_does_not_wait_for_calls_that_hang(loop: str) -> None:
    """The hung name look-up of a single check took 9 s of it once, those of eight 39 s."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, loop], capture_output=True, text=True, timeout=60, check=False
    )
    now = time.monotonic()
    assert (ended.returncode, ended.stderr) == (0, "")
    threads, closed = ended.stdout.split()
    assert int(threads) == 1 + MAX_THREADS + 16 + 16 + 4
    assert now - float(closed) < 2
