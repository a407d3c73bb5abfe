"""Blocking calls off the loop, in threads that nobody waits for at the end of the process."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

AT_MOST: Final = 64
"""Calls at a time: those that never come back must not use up the threads of this host."""

T = TypeVar("T")
_NAME = "aside"


async def aside(seconds: float, call: Callable[[], T]) -> T:
    """Return what ``call`` returns in a thread of its own, or raise what it raises; TimeoutError after ``seconds``.

    OSError where this host has no thread to spare, or too many calls have not come back.
    A call that does not come back keeps its thread, but delays neither the loop nor the end of the process, as a
    thread of the loop's executor would.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T allows it

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001  raised again where it is awaited
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    if sum(thread.name == _NAME for thread in threading.enumerate()) >= AT_MOST:
        raise OSError(errno.EAGAIN, f"{AT_MOST} calls have not come back; look at disks and resolvers")
    try:
        threading.Thread(target=run, name=_NAME, daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, f"{error}; raise the limit of processes") from error
    async with asyncio.timeout(seconds):
        return await future
