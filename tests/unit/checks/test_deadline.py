from __future__ import annotations

import asyncio
import socket
import time

import pytest

from ldirectord_py.checks.deadline import within
from ldirectord_py.errors import CheckFailed, Inconclusive


async def never() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_a_check_in_time_returns_its_word_and_leaves_nothing_behind() -> None:
    async def check() -> str:
        await asyncio.sleep(0)
        return "word"

    assert await within(0.05, check()) == "word"
    await asyncio.sleep(0.1)  # the deadline would cancel this
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_deadline_can_be_set_within_another() -> None:
    with pytest.raises(CheckFailed, match=r"^no answer within 0\.05 s$"):
        await within(10, within(0.05, never()))
    with pytest.raises(CheckFailed, match=r"^no answer within 0\.05 s$"):
        await within(0.05, within(10, never()))


async def test_after_a_deadline_the_task_goes_on_as_before() -> None:
    for _ in range(2):
        with pytest.raises(CheckFailed):
            await within(0.02, never())
    await asyncio.sleep(0)


async def test_who_cancels_from_outside_is_heard_also_at_the_deadline() -> None:
    task = asyncio.create_task(within(0.05, never()))
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

    return await within(0.02, check())


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
        assert await within(0.05, check()) == "alive"


async def test_a_deadline_that_this_host_slept_through_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check() -> str:
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251  the loop stands still, as on a stopped host
        return await never()

    monkeypatch.setattr("ldirectord_py.checks.deadline.OVERSLEPT", 0.1)
    with pytest.raises(Inconclusive, match=r"^this host was 0\.\d s late to look for the answer$"):
        await within(0.05, check())
