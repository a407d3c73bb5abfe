"""Numbers the turns of the event loops of a thread: each callback that one of them runs is a turn of its own.

On the loop of the standard library every callback counts. uvloop calls the protocols of its transports itself, and
lets nobody watch: what they do counts in the runs on the other loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from threading import get_ident
from typing import Any, Final, TypeVar

import uvloop

T = TypeVar("T")

CALLBACK_AT: Final = {
    **dict.fromkeys(("call_soon", "call_soon_threadsafe"), 0),
    **dict.fromkeys(("call_later", "add_reader", "add_writer", "add_signal_handler"), 1),
}
"""Which argument of a method of uvloop is the callback; ``call_at`` calls ``call_later``."""


class LoopTurns:
    """Its state: the number of the ``current`` turn, 0 while none of the thread that has made it runs.

    A number is never used twice. ``close`` leaves the loops as they were.
    """

    def __init__(self) -> None:
        self.current = 0
        self._numbers = count(1)
        self._thread = get_ident()
        self._undo = ExitStack()
        self._replace(asyncio.Handle, "_run", self._run_of_handles())
        for name, at in CALLBACK_AT.items():
            self._replace(uvloop.Loop, name, self._method_of_uvloop(getattr(uvloop.Loop, name), at))

    def close(self) -> None:
        """Count no longer."""
        self._undo.close()

    def run(self, callback: Callable[..., T], *arguments: Any) -> T:
        """Call a callback, which is a turn if it is in the thread; the turn that it is called in goes on then."""
        if get_ident() != self._thread:
            return callback(*arguments)
        before, self.current = self.current, next(self._numbers)
        try:
            return callback(*arguments)
        finally:
            self.current = before

    def _run_of_handles(self) -> Callable[[asyncio.Handle], None]:
        run, run_handle = self.run, asyncio.Handle._run

        def run_counted(handle: asyncio.Handle) -> None:
            run(run_handle, handle)

        return run_counted

    def _method_of_uvloop(self, method: Callable[..., T], at: int) -> Callable[..., T]:
        run = self.run

        def schedule_counted(loop: uvloop.Loop, *arguments: Any, **keywords: Any) -> T:
            return method(loop, *arguments[:at], run, *arguments[at:], **keywords)

        return schedule_counted

    def _replace(self, owner: type, name: str, method: Callable[..., Any]) -> None:
        before = vars(owner).get(name)
        setattr(owner, name, method)
        self._undo.callback(partial(setattr, owner, name, before) if before else partial(delattr, owner, name))
