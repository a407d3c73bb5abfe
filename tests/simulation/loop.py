"""An event loop without a selector: simulated events make its callbacks ready, and time jumps to the next of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, Final, TypeVar, TypeVarTuple

from simulation.clock import CLOCK

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

TURN_TIME: Final = 0.00001
"""Seconds that a turn takes."""


class SimulatedHandle(asyncio.TimerHandle):
    """A callback that is ready or due. It is a TimerHandle only in name: that class would cost a third of a probe."""

    __slots__ = ()

    def __init__(self, when: float, call: Callable[..., object], args: tuple[Any, ...], context: Any) -> None:
        self._when = when
        self._callback = call
        self._args = args
        self._context = context or copy_context()
        self._cancelled = False

    def cancel(self) -> None:
        """Do not call it."""
        self._cancelled = True


class SimulatedLoop(asyncio.AbstractEventLoop):
    """The loop of one process: callbacks that are ready run in turns, those of a turn in an order drawn by the seed.

    With ``coarse`` it is as uvloop is: its clock has milliseconds and stands still within a turn, and timers are
    rounded to milliseconds, so that some fire early. Without, it is as asyncio's. Its state: what is ready and due,
    the readers and signal handlers, how long the process stops within the next turn
    (``stop_for``), and how long each turn takes.
    """

    def __init__(self, order: Random, *, coarse: bool, on_fault: Callable[[dict[str, Any]], None]) -> None:
        self.coarse = coarse
        self.stop_for = 0.0
        self.turn_time = TURN_TIME
        self.turns = 0
        self.readers: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self.signals: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self.connect: Callable[..., Any] | None = None
        self.on_stop: Callable[[float], None] = lambda _: None
        self._order = order
        self._on_fault = on_fault
        self._ready: list[SimulatedHandle] = []
        self._timers: list[tuple[float, int, SimulatedHandle]] = []
        self._numbers = count()
        self._alive = True
        self._turn_began = CLOCK.now

    # What the simulation calls.

    @property
    def next_due(self) -> float:
        """When a callback runs next."""
        if self._ready:
            return CLOCK.now
        while self._timers and self._timers[0][2]._cancelled:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else float("inf")

    def turn(self) -> None:
        """Run everything that is ready now; what that makes ready runs in the next turn, as in every loop."""
        self._turn_began = now = CLOCK.now
        timers, turn = self._timers, self._ready
        while timers and timers[0][0] <= now:
            turn.append(heappop(timers)[2])
        self._ready = []
        size = len(turn)
        if size == 2:  # most turns that have an order; shuffle() takes 2 us
            if self._order.random() < 0.5:
                turn.reverse()
        elif size > 2:
            self._order.shuffle(turn)
        if self.stop_for and turn:
            turn.insert(self._order.randrange(size), SimulatedHandle(0.0, self._stop, (), None))
        self.turns += 1
        CLOCK.now = now + self.turn_time
        for handle in turn:
            if handle._cancelled:
                continue
            try:
                handle._context.run(handle._callback, *handle._args)
            except Exception as error:  # noqa: BLE001  every loop goes on
                self._on_fault({"message": "a callback failed", "exception": error})
            if not self._alive:
                return

    def _stop(self) -> None:
        seconds, self.stop_for = self.stop_for, 0.0
        CLOCK.now += seconds
        self.on_stop(seconds)

    def make_ready(self, descriptor: int) -> None:
        """Call the reader of a descriptor in this turn."""
        if (reader := self.readers.get(descriptor)) is not None:
            self.call_soon(reader[0], *reader[1])

    def kill(self) -> None:
        """Call nothing any more. What is left stays: the end of its coroutines would run a part of their code."""
        self._alive = False

    # What the director calls.

    def time(self) -> float:
        """Return the loop's clock, in seconds."""
        return int(self._turn_began * 1000) / 1000 if self.coarse else CLOCK.now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> SimulatedHandle:
        handle = SimulatedHandle(0.0, callback, args, context)
        if self._alive:
            self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if not self._alive:
            raise RuntimeError("the loop is closed")
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = SimulatedHandle(when, callback, args, context)
        if self.coarse:
            now = self.time()
            when = now + max(0, round((when - now) * 1000)) / 1000
        if self._alive:
            heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], *, name: str | None = None, context: Any = None
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def add_reader(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        self.readers[fd] = (callback, args)

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

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._alive

    def is_closed(self) -> bool:
        return not self._alive
