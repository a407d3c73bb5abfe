"""The process of the director: it starts from its file, is killed, ends, and is started again by its manager."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ldirectord_py.checks.transport.epoll import current_epoll
from ldirectord_py.config.load import load
from ldirectord_py.daemon import run
from ldirectord_py.daemon.administration.saved_file import read_saved_file
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.errors import ConfigError, KernelError
from ldirectord_py.instance.identity import Identity
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.runtime import garbage, slices
from ldirectord_py.runtime.loop_local import LoopLocal
from ldirectord_py.runtime.stalls import stall_meter
from ldirectord_py.runtime.timer_wheel import current_wheel
from simulation.clock import CLOCK
from simulation.commands import is_ending
from simulation.loop import SimulatedLoop
from simulation.truth import WATCHDOG

if TYPE_CHECKING:
    from simulation.world import World

RESTART_TIME: Final = 1.0
"""Seconds after which the service manager starts a process again that has failed."""

STOP_BOUND: Final = 5.0
"""Seconds in which a process ends after SIGTERM, whatever is the matter (F36)."""

_Daemon: Final = run.Daemon

_LOOP_LOCALS: Final[tuple[LoopLocal[Any], ...]] = (stall_meter, current_wheel, current_epoll, slices._slices)


class DirectorProcess:
    """Its state: the running daemon, whether it is ready, stopping or blocked, and what is left of killed ones."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.path = folder / "sim.cf"
        self._instance = Instance("sim", folder, folder)
        self.daemon: run.Daemon | None = None
        self.task: asyncio.Task[None] | None = None
        self.is_ready = self.is_stopping = self.is_blocked = False
        self._graveyard: list[object] = []

    @property
    def director(self) -> Director | None:
        """The director that runs, if one does."""
        return self.daemon.director if self.daemon else None

    def start(self) -> None:
        """Start the process, unless it runs; an invalid file ends it, and its manager starts it again."""
        world = self.world
        if self.task is not None:
            return
        world.threads.reset()
        world.commands.reset()
        self._reset_collector()
        world.loop = loop = SimulatedLoop(  # type: ignore[abstract]  # it has what the director uses
            world.agenda, world.order, coarse=world.coarse, on_fault=world.checks.on_loop_fault
        )
        loop.connect, loop.on_stall = world.mail.connect, world.on_stall
        asyncio._set_running_loop(loop)
        world.life += 1
        world.checks.untold.clear()
        world.checks.states.clear()
        world.checks.damping.reset()
        world.checks.rising.reset()
        world.checks.last_watchdog_reset = world.started = CLOCK.now
        self.is_ready = self.is_stopping = self.is_blocked = False
        world.operator.on_start()
        try:
            loaded = self._load()
        except ConfigError:
            self._bury()
            world.after(RESTART_TIME, self.start)
            return
        identity = Identity(self.path, self._instance, "1.0")
        notify = SdNotify("/simulated", WATCHDOG)
        self.task = loop.create_task(run.serve(identity, loaded, notify, self._on_ready, world.kernel))
        self.task.add_done_callback(self._on_end)

    def make_daemon(self, *arguments: Any) -> run.Daemon:
        """Stand in for the class Daemon: make one and listen to it."""
        self.daemon = daemon = _Daemon(*arguments)
        daemon.director._listeners.append(self.world.checks.on_event)  # type: ignore[attr-defined]
        daemon.director._listeners.append(self.world.operator.on_event)  # type: ignore[attr-defined]
        return daemon

    def kill(self) -> None:
        """End the process at once, as SIGKILL does; what it has done stays."""
        if self.task is not None:
            self.world.trace("kill", "")
            self._bury()

    def block(self) -> None:
        """Let the event loop run no more; the manager ends the process when its watchdog was not reset in time."""
        self.is_blocked = True
        self.world.after(WATCHDOG, self._end_blocked, self.world.life)

    def _end_blocked(self, life: int) -> None:
        if life == self.world.life:
            self.kill()
            self.world.after(RESTART_TIME, self.start)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, which has no effect before the process handles it."""
        loop = self.world.loop
        if loop is None or self.is_blocked or number not in loop.signals:
            return
        if number is signal.SIGTERM and not self.is_stopping:
            self.is_stopping = True
            self.world.after(STOP_BOUND, self._expect_end, self.world.life, self.world.stalled)
        call, arguments = loop.signals[number]
        loop.call_soon(call, *arguments)

    def forget(self) -> None:
        """Release what is left of all processes, also by the objects of the last loop."""
        self._graveyard.clear()
        for each in _LOOP_LOCALS:
            each._last.kept = None, None

    def _load(self) -> Any:
        """Load the file as the program does: a name that does not resolve has the last address that is kept."""
        self.world.threads.depth += 1
        try:
            return load(self.path, read_saved_file(self._instance).hosts)
        finally:
            self.world.threads.depth -= 1

    def _on_ready(self) -> None:
        self.world.started = CLOCK.now
        self.is_ready = True

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """Look at how the process has ended; the manager starts it again unless it was stopped."""
        world, loop = self.world, self.world.loop
        error = None if task.cancelled() else task.exception()
        stopped = self.is_stopping and error is None
        world.trace("end", repr(error))
        if error is not None and not isinstance(error, KernelError):
            world.checks.fail("I10", f"the daemon ended: {error!r}")
        if stopped:
            world.checks.counts["I4"] += 1
            if world.network.open:
                world.checks.fail("I4", f"{len(world.network.open)} sockets stay open after the end")
            left = [each for each in asyncio.all_tasks(loop) if each is not task and not is_ending(each)]
            if left:
                world.checks.fail("I4", f"{len(left)} tasks stay after the end: {left[0]!r:.300}")
            world.operator.on_stopped()
        self._bury()
        if not stopped:
            world.after(RESTART_TIME, self.start)

    def _expect_end(self, life: int, stalled: float) -> None:
        """Check that the process has ended, in its time: ``stalled`` is for how long it had stood still before."""
        if life != self.world.life or self.task is None:
            return
        if (lost := self.world.stalled - stalled) > 0:
            self.world.after(lost, self._expect_end, life, self.world.stalled)
        else:
            self.world.checks.fail("I10", f"the process has not ended within {STOP_BOUND:g} s of SIGTERM")

    def _bury(self) -> None:
        world = self.world
        if world.loop is not None:
            world.loop.kill()
            self._graveyard += asyncio.all_tasks(world.loop)
        self._graveyard += [world.loop, self.task, self.daemon]
        world.loop = self.daemon = self.task = None
        world.life += 1
        self.is_ready = self.is_blocked = False
        world.workers.reset()
        asyncio._set_running_loop(None)
        world.network.close_all()

    def _reset_collector(self) -> None:
        """Undo what a killed process has left of ``gc_paused``."""
        garbage._holders.clear()
        gc.enable()
