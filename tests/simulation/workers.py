"""Worker processes (``fork = yes``) as tasks of the director's loop: they start, are killed, and stand still."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

from ldirectord_py.daemon.workers.process import EXIT_TIMEOUT
from ldirectord_py.daemon.workers.worker import Worker
from simulation.clock import CLOCK
from simulation.transports import SimulatedTransport

if TYPE_CHECKING:
    from simulation.loop import SimulatedLoop
    from simulation.world import World

START_TIME: Final = 0.2
"""Seconds until a worker takes its first message."""

REPLACE_TIME: Final = 35.0
"""Seconds in which a worker is there again: two silences of 15 s, its end, or a back-off of at most 30 s."""


class Workers:
    """Its state: the processes that run, and since when one of the director is missing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.running: list[SimulatedWorkerProcess] = []
        self._missing_since: float | None = None
        self._numbers = count(100)

    def start(self, theirs: PairEnd) -> SimulatedWorkerProcess:
        """Stand in for the class WorkerProcess: start a process; raises OSError where this host cannot."""
        if self.world.threads.exhausted:
            self.world.hit("F15")
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        made = SimulatedWorkerProcess(self.world, theirs, next(self._numbers))
        self.running.append(made)
        self.world.disturb(CLOCK.now + START_TIME)
        return made

    def pair(self) -> tuple[PairEnd, PairEnd]:
        """Stand in for ``socket.socketpair``."""
        ours, theirs = PairEnd(self.world), PairEnd(self.world)
        ours.peer, theirs.peer = theirs, ours
        return ours, theirs

    def reset(self) -> None:
        """Forget the workers of a process that has ended."""
        self.running.clear()
        self._missing_since = None

    def look(self) -> None:
        """Expect nothing timely while a worker is missing or stands still, but that it is replaced."""
        assert self.world.process.daemon is not None
        supervisors = self.world.process.daemon.probes._workers._supervisors
        if any(each.is_held for each in self.running) or any(each.pid is None for each in supervisors):
            self.world.disturb(CLOCK.now)
            if self._missing_since is None:
                self._missing_since = CLOCK.now
            self._check_missing(max(self._missing_since, self.world.operator.in_force_since))
        else:
            self._missing_since = None

    def _check_missing(self, since: float) -> None:
        self.world.checks.counts["I10"] += 1
        if CLOCK.now - since > REPLACE_TIME:
            self.world.checks.fail("I10", f"a worker is missing for {CLOCK.now - since:.0f} s")


class SimulatedWorkerProcess:
    """One worker. Its state: its task, and whether it ``is_held``: it stands still, so that its messages come late."""

    def __init__(self, world: World, theirs: PairEnd, pid: int) -> None:
        self.world = world
        self.pid = pid
        self.commands: Sequence[int] = ()
        self.is_held = False
        self._end = theirs
        self._task = asyncio.create_task(self._run())

    async def reap(self) -> str:
        """Stand in for ``WorkerProcess.reap``."""
        ended, _ = await asyncio.wait({self._task}, timeout=EXIT_TIMEOUT)
        if not ended:
            self.kill()
            await asyncio.wait({self._task})
        self.is_held = False
        if self in self.world.workers.running:
            self.world.workers.running.remove(self)
        return self._how_it_ended()

    def kill(self) -> None:
        """End the process at once."""
        self._task.cancel()

    def hold(self) -> None:
        """Let the process stand still."""
        self.is_held = True
        self._end.hold(held=True)

    def go_on(self) -> None:
        """Let it go on, unless it was killed meanwhile."""
        if self.is_held:
            self.is_held = False
            self.world.disturb(CLOCK.now)
            self._end.hold(held=False)

    async def _run(self) -> None:
        try:
            await self.world.pause(START_TIME)
            reader, writer = await asyncio.open_unix_connection(sock=self._end)
            await Worker(writer).run(reader)
        finally:
            self._end.close()

    def _how_it_ended(self) -> str:
        if self._task.cancelled():
            return "was killed by signal 9"
        if error := self._task.exception():
            self.world.checks.fail("I9", f"a worker ends: {error!r}")
        return "ended with status 0"


class PairEnd:
    """One end of a socket pair. Its state: what has come and was not delivered yet, and whether it is held back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.peer: PairEnd | None = None
        self._transport: SimulatedTransport | None = None
        self._waiting: deque[tuple[PairEnd, bytes | None]] = deque()
        self._held = False

    def make_transport(self, loop: SimulatedLoop, factory: Callable[[], Any]) -> tuple[SimulatedTransport, Any]:
        """Return the stream of this end, as ``create_unix_connection`` does."""
        assert self.peer is not None
        protocol = factory()
        self._transport = SimulatedTransport(self.world, loop, protocol, self._send)
        self._flush()
        return self._transport, protocol

    def hold(self, *, held: bool) -> None:
        """Hold back what comes to this end and what it sends, or let it go on."""
        self._held = held
        self._flush()

    def receive(self, data: bytes | None) -> None:
        """Deliver data to this end, None at the end of the stream."""
        self._waiting.append((self, data))
        self._flush()

    def setblocking(self, _: bool) -> None:
        pass

    def close(self) -> None:
        """Close this end, if it has no stream that does so."""
        if self._transport is None and self.peer is not None:
            self.peer.receive(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it open: the worker has inherited it."""

    def _send(self, data: bytes | None) -> None:
        assert self.peer is not None
        self._waiting.append((self.peer, data))
        self._flush()

    def _flush(self) -> None:
        while self._waiting and not self._held and self._transport is not None:
            end, data = self._waiting.popleft()
            if end is not self:
                end.receive(data)
            elif data is None:
                self._transport.end()
            else:
                self._transport.send(data)
