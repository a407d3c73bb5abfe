from __future__ import annotations

import asyncio
import socket
import time

import pytest

from ldirectord_py.checks.deadline import fail_after
from ldirectord_py.errors import CheckFailed


async def never() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_a_check_in_time_returns_its_word_and_leaves_nothing_behind() -> None:
    async def check() -> str:
        await asyncio.sleep(0)
        return "word"

    assert await fail_after(0.05, check()) == "word"
    await asyncio.sleep(0.1)  # the deadline would cancel this
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_deadline_can_be_set_within_another() -> None:
    with pytest.raises(CheckFailed, match=r"^no answer within 0\.05 s$"):
        await fail_after(10, fail_after(0.05, never()))
    with pytest.raises(CheckFailed, match=r"^no answer within 0\.05 s$"):
        await fail_after(0.05, fail_after(10, never()))


async def test_after_a_deadline_the_task_goes_on_as_before() -> None:
    for _ in range(2):
        with pytest.raises(CheckFailed):
            await fail_after(0.02, never())
    await asyncio.sleep(0)


async def test_who_cancels_from_outside_is_heard_also_at_the_deadline() -> None:
    task = asyncio.create_task(fail_after(0.05, never()))
    asyncio.get_running_loop().call_later(0.05, task.cancel)
    await asyncio.wait({task})
    assert task.cancelled() or isinstance(task.exception(), CheckFailed)
    both = asyncio.create_task(cancelled_twice())
    with pytest.raises(asyncio.CancelledError):
        await both


async def cancelled_twice() -> str:
    """Be cancelled by the deadline and by somebody else before either is noticed."""
    task = asyncio.current_task()
    assert task is not None

    async def check() -> str:
        asyncio.get_running_loop().call_later(0.02, task.cancel)
        await asyncio.sleep(0)
        time.sleep(0.04)  # noqa: ASYNC251  both come due while the loop stands still
        return await never()

    return await fail_after(0.02, check())


async def test_an_answer_that_came_while_this_host_slept_counts() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def check() -> str:
        answer = asyncio.ensure_future(loop.sock_recv(ours, 100))
        await asyncio.sleep(0)
        theirs.send(b"alive")
        time.sleep(0.2)  # noqa: ASYNC251  the loop stands still, as on a busy host
        return (await answer).decode()

    with ours, theirs:
        assert await fail_after(0.05, check()) == "alive"


@pytest.mark.slow
async def test_the_time_in_which_this_process_did_not_run_is_added_to_the_deadline() -> None:
    async def check() -> str:
        await asyncio.sleep(0)
        time.sleep(0.5)  # noqa: ASYNC251  the loop stands still, as in a stopped process
        await asyncio.sleep(0.3)
        return "word"

    assert await fail_after(0.4, check()) == "word"


@pytest.mark.slow
async def test_it_is_added_once_and_never_more_than_the_deadline_has() -> None:
    began = time.monotonic()

    async def check() -> str:
        while True:
            await asyncio.sleep(0)
            time.sleep(0.1)  # noqa: ASYNC251  as on a host that is always too busy

    with pytest.raises(CheckFailed, match=r"^no answer within 0\.3 s$"):
        await fail_after(0.3, check())
    assert 0.3 + 0.1 < time.monotonic() - began < 10


async def test_answers_that_lie_unread_at_the_deadline_are_read() -> None:
    """An answer that needs another one after it, both of them there when the deadline passes."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def check() -> str:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, time.sleep, 0.04)
        loop.call_later(0.02, theirs.send, b"hello")
        return (await loop.sock_recv(ours, 100)).decode()

    with ours, theirs:
        assert await fail_after(0.03, check()) == "hello"
