"""An event loop without a selector: simulated events make its callbacks ready, and time jumps to the next of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from math import inf
from random import Random
from typing import Any, Final, TypeVarTuple

from simulation.agenda import Agenda
from simulation.clock import CLOCK

Ts = TypeVarTuple("Ts")

TURN_TIME: Final = 0.00001
"""Seconds that a turn takes."""


class SimulatedHandle(list[Any]):
    """A callback that is ready or due: the callback, its arguments and its context. It can be cancelled.

    It is a list because an object with attributes takes twice as long to make.
    """

    __slots__ = ()

    def cancel(self) -> None:
        """Do not call it."""
        self[0] = None


Ready = SimulatedHandle | tuple[Callable[..., object], tuple[Any, ...], Context]
"""A callback that runs in the next turn. Those of tasks and futures, nearly all, are tuples: nobody cancels them."""


_NEVER_CANCELLED: Final = SimulatedHandle((None, (), None))


class SimulatedLoop(asyncio.AbstractEventLoop):
    """The loop of one process: callbacks that are ready run in turns, those of a turn in an order drawn by the seed.

    With ``coarse`` it is as uvloop is: its clock has milliseconds and stands still within a turn, and timers are
    rounded to milliseconds, so that some fire early. Without, it is as asyncio's. Its state: what is ``ready``, the
    readers and signal handlers, how long the process stands still within the next turn (``stall_for``), and how long
    each turn takes.
    """

    def __init__(
        self, agenda: Agenda, order: Random, *, coarse: bool, on_fault: Callable[[dict[str, Any]], None]
    ) -> None:
        self.coarse = coarse
        self.stall_for = 0.0
        self.turn_time = TURN_TIME
        self.ready: list[Ready] = []
        self.readers: dict[int, Ready] = {}
        self.signals: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self.connect: Callable[..., Any] | None = None
        self.on_stall: Callable[[float], None] = lambda _: None
        # These are no methods, as all probes call them: they run without a frame of Python. bool() returns False.
        self.create_future = partial(asyncio.Future, loop=self)  # type: ignore[method-assign]
        self.create_task = partial(asyncio.Task, loop=self)  # type: ignore[method-assign]
        self.get_debug = bool  # type: ignore[method-assign]
        self._agenda = agenda
        self._order = order
        self._on_fault = on_fault
        self._left: list[Ready] = []
        self._alive = True
        self._turn_began = _milliseconds(CLOCK.now)

    # What the simulation calls.

    def run_turns(self, until: float = -inf) -> int:
        """Run one turn, if anything is ready, and others while something is; return how many.

        What a turn makes ready runs in the next one. No turn begins after this time, or once an entry of the agenda is
        due. Most turns have one callback and need no order.
        """
        clock, entries, turns = CLOCK, self._agenda.entries, 0
        now = clock.now
        while ready := self.ready:
            turns += 1
            if self.coarse:
                self._turn_began = int(now * 1000) / 1000
            clock.now = now + self.turn_time
            callback, arguments, context = only = ready.pop()
            if ready or self.stall_for:
                ready.append(only)
                self._run_in_order(ready)
            elif callback is not None:
                try:
                    context.run(callback, *arguments)
                except Exception as error:  # noqa: BLE001  every loop goes on
                    self._on_error(error)
            now = clock.now
            if now > until or entries[0][0] <= now:
                break
        return turns

    def _run_in_order(self, turn: list[Ready]) -> None:
        """Run the callbacks of a turn in the order that the seed draws, and the stall of the process among them."""
        self.ready = []
        draw = self._order.random
        turn.sort(key=lambda _: draw())
        if self.stall_for:
            turn.insert(int(draw() * len(turn)), (self._stall, (), copy_context()))
        for callback, arguments, context in turn:
            if callback is None:
                continue
            try:
                context.run(callback, *arguments)
            except Exception as error:  # noqa: BLE001  as above
                self._on_error(error)
            if not self._alive:
                return

    def _on_error(self, error: Exception) -> None:
        self._on_fault({"message": "a callback failed", "exception": error})

    def _stall(self) -> None:
        seconds, self.stall_for = self.stall_for, 0.0
        CLOCK.now += seconds
        self.on_stall(seconds)

    def _fire(self, handle: SimulatedHandle) -> None:
        if not self._alive:
            self._left.append(handle)
        elif handle[0] is not None:
            self.ready.append(handle)

    def make_ready(self, descriptor: int) -> None:
        """Call the reader of a descriptor in the next turn."""
        if (reader := self.readers.get(descriptor)) is not None:
            self.ready.append(reader)

    def kill(self) -> None:
        """Call nothing any more. What is left stays: the end of its coroutines would run a part of their code."""
        self._alive = False
        self._left, self.ready = [*self.ready, *self.readers.values()], []
        self.readers.clear()

    # What the director calls.

    def time(self) -> float:
        """Return the loop's clock, in seconds."""
        return self._turn_began if self.coarse else CLOCK.now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> SimulatedHandle:
        if context is not None:
            if self._alive:
                self.ready.append((callback, args, context))
            return _NEVER_CANCELLED
        handle = SimulatedHandle((callback, args, copy_context()))
        if self._alive:
            self.ready.append(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> SimulatedHandle:
        if not self._alive:
            raise RuntimeError("the loop is closed")
        return self.call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> SimulatedHandle:
        if self.coarse:
            when = self._turn_began + max(0, round((when - self._turn_began) * 1000)) / 1000
        handle = SimulatedHandle((callback, args, copy_context() if context is None else context))
        if self._alive:
            self._agenda.at(when, self._fire, handle)
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> SimulatedHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def add_reader(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        self.readers[fd] = (callback, args, copy_context())

    def remove_reader(self, fd: Any) -> bool:
        return self.readers.pop(fd, None) is not None

    def add_signal_handler(self, sig: int, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        self.signals[sig] = (callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        return self.signals.pop(sig, None) is not None

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        assert self.connect is not None
        return await self.connect(self, protocol_factory, host, port)

    async def create_unix_connection(
        self, protocol_factory: Any, path: Any = None, *, sock: Any = None, **_: Any
    ) -> Any:
        return sock.make_transport(self, protocol_factory)

    async def create_datagram_endpoint(
        self, protocol_factory: Any, local_addr: Any = None, remote_addr: Any = None, *, sock: Any = None, **_: Any
    ) -> Any:
        return sock.make_transport(self, protocol_factory)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if self._alive:
            self._on_fault(context)

    def is_running(self) -> bool:
        return self._alive

    def is_closed(self) -> bool:
        return not self._alive


def _milliseconds(seconds: float) -> float:
    return int(seconds * 1000) / 1000
