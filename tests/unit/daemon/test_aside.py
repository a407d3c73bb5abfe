import asyncio
import threading

import pytest

from ldirectord_py.daemon.aside import AT_MOST, aside


async def test_a_call_returns_its_value_from_another_thread() -> None:
    assert await aside(5, threading.get_ident) != threading.get_ident()


async def test_a_call_raises_what_it_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        await aside(5, lambda: 1 // 0)


async def test_a_call_that_does_not_come_back_is_given_up_and_left_alone() -> None:
    come_back = threading.Event()
    with pytest.raises(TimeoutError):
        await aside(0.01, come_back.wait)
    come_back.set()
    await asyncio.sleep(0.01)


async def test_a_host_without_a_thread_to_spare_is_an_oserror(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(OSError, match="can't start new thread; raise the limit of processes"):
        await aside(5, threading.get_ident)


async def test_calls_that_do_not_come_back_use_up_so_many_threads_and_no_more() -> None:
    come_back = threading.Event()
    for _ in range(AT_MOST):
        with pytest.raises(TimeoutError):
            await aside(0, come_back.wait)
    with pytest.raises(OSError, match="64 calls have not come back"):
        await aside(5, threading.get_ident)
    come_back.set()
    while any(thread.name == "aside" for thread in threading.enumerate()):
        await asyncio.sleep(0.01)
    assert await aside(5, threading.get_ident)
