"""An event loop without a selector: simulated events make its callbacks ready, and time jumps to the next of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import Any, Final, TypeVarTuple

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
    rounded to milliseconds, so that some fire early. Without, it is as asyncio's. Its state: what is ``ready`` and due,
    the readers and signal handlers, how long the process stops within the next turn
    (``stop_for``), and how long each turn takes.
    """

    def __init__(self, order: Random, *, coarse: bool, on_fault: Callable[[dict[str, Any]], None]) -> None:
        self.coarse = coarse
        self.stop_for = 0.0
        self.turn_time = TURN_TIME
        self.ready: list[Ready] = []
        self.readers: dict[int, Ready] = {}
        self.signals: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self.connect: Callable[..., Any] | None = None
        self.on_stop: Callable[[float], None] = lambda _: None
        # These are no methods, as all probes call them: they run without a frame of Python. bool() returns False.
        self.create_future = partial(asyncio.Future, loop=self)  # type: ignore[method-assign]
        self.create_task = partial(asyncio.Task, loop=self)  # type: ignore[method-assign]
        self.get_debug = bool  # type: ignore[method-assign]
        self._order = order
        self._on_fault = on_fault
        self._timers: list[tuple[float, int, SimulatedHandle]] = []
        self._numbers = count()
        self._left: list[Ready] = []
        self._alive = True
        self._turn_began = _milliseconds(CLOCK.now)

    # What the simulation calls.

    @property
    def next_due(self) -> float:
        """When a callback runs next."""
        if self.ready:
            return CLOCK.now
        timers = self._timers
        while timers and timers[0][2][0] is None:
            heappop(timers)
        return timers[0][0] if timers else inf

    def turn(self) -> None:
        """Run everything that is ready now, if anything is; what that makes ready runs in the next turn."""
        now, timers, turn = CLOCK.now, self._timers, self.ready
        while timers and timers[0][0] <= now:
            turn.append(heappop(timers)[2])
        if not turn:
            return
        self.ready = []
        if self.coarse:
            self._turn_began = int(now * 1000) / 1000
        if len(turn) > 1 or self.stop_for:
            self._order_turn(turn)
        CLOCK.now = now + self.turn_time
        for callback, arguments, context in turn:
            if callback is None:
                continue
            try:
                context.run(callback, *arguments)
            except Exception as error:  # noqa: BLE001  every loop goes on
                self._on_fault({"message": "a callback failed", "exception": error})
            if not self._alive:
                return

    def _order_turn(self, turn: list[Ready]) -> None:
        """Put the callbacks of a turn into the order that the seed draws, and the stop of the process among them."""
        size = len(turn)
        if size == 2:  # most turns that have an order; shuffle() takes 2 us
            if self._order.random() < 0.5:
                turn.reverse()
        elif size > 2:
            self._order.shuffle(turn)
        if self.stop_for and turn:
            turn.insert(self._order.randrange(size), (self._stop, (), copy_context()))

    def _stop(self) -> None:
        seconds, self.stop_for = self.stop_for, 0.0
        CLOCK.now += seconds
        self.on_stop(seconds)

    def make_ready(self, descriptor: int) -> None:
        """Call the reader of a descriptor in this turn."""
        if self._alive and (reader := self.readers.get(descriptor)) is not None:
            self.ready.append(reader)

    def kill(self) -> None:
        """Call nothing any more. What is left stays: the end of its coroutines would run a part of their code."""
        self._alive = False
        self._left, self.ready = self.ready, []

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
            heappush(self._timers, (when, next(self._numbers), handle))
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
