"""The simulated world: the director's loop, and everything around it."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, deque
from heapq import heappop
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from simulation.agenda import Agenda
from simulation.checks import Checks
from simulation.clock import CLOCK
from simulation.commands import Commands
from simulation.host import Host, Resolver
from simulation.kernel import SimulatedKernel
from simulation.leaving_rows import LeavingRows
from simulation.network import Network
from simulation.operator import Operator
from simulation.process import DirectorProcess
from simulation.servers import Server
from simulation.threads import SimulatedThreads
from simulation.transports import MailServer
from simulation.truth import Truth
from simulation.workers import Workers

if TYPE_CHECKING:
    from simulation.loop import SimulatedLoop
    from simulation.site import SiteSpec

MAX_TURNS: Final = 20_000
"""More turns of the loop in a second than this are a loop that spins (I10)."""

LARGE_SITE: Final = 100
"""With more servers than this, not all is looked at each second."""

MAX_LINES: Final = 60
"""Lines of the trace that are kept for a failure."""


class World:
    """Everything that happens in one simulation. All that is random is drawn from its ``seed``.

    Its state: the events to come, the loop and the number of the process (``life``), what was ``hit``, the digest of
    the trace and its last lines, since when nothing disturbs the director, how long it stood still (``stalled``), and
    how often servers changed their conduct.
    """

    def __init__(self, seed: str, site: SiteSpec, folder: Path) -> None:
        CLOCK.reset()
        self.begin = CLOCK.now
        self.draw, self.luck, self.order = (Random(f"{seed}/{name}") for name in ("draw", "luck", "order"))
        self.coarse = self.draw.random() < 0.5
        self.is_large = sum(len(virtual.reals) for virtual in site.virtuals) > LARGE_SITE
        self.life = 0
        self.loop: SimulatedLoop | None = None
        self.hits: Counter[str] = Counter()
        self.lines: deque[str] = deque(maxlen=MAX_LINES)
        self.digest = hashlib.sha256()
        self.undisturbed_since = self.started = self.kernel_disturbed_until = CLOCK.now
        self.extra_probes = self.conduct_changes = 0
        self.stalled = 0.0
        self.agenda = Agenda()
        self.after = self.agenda.after
        self.checks = Checks(self)
        self.network = Network(self)
        self.threads, self.workers, self.commands = SimulatedThreads(self), Workers(self), Commands(self)
        self.host, self.resolver, self.mail = Host(self), Resolver(self), MailServer(self)
        self.kernel = SimulatedKernel(self)
        self.leaving = LeavingRows(self, seed)
        self.operator = Operator(self, site)
        self.process = DirectorProcess(self, folder)
        self.truth = Truth(self)

    async def pause(self, seconds: float) -> None:
        """Let time pass for the director's code."""
        assert self.loop is not None
        waiter = self.loop.create_future()
        self.after(seconds, _end_wait, waiter)
        await waiter

    @property
    def expected_until(self) -> float:
        """When everything was looked at once that is expected after the last fault."""
        return max(self.kernel_disturbed_until, self.operator.in_force_since, self.undisturbed_since) + 2.0

    def disturb_kernel(self, seconds: float) -> None:
        """Expect differences between the kernel's table and the director's for so many seconds."""
        self.kernel_disturbed_until = max(self.kernel_disturbed_until, CLOCK.now + seconds)

    def hit(self, point: str) -> None:
        """Count that a fault point had an effect."""
        self.hits[point] += 1

    def on_stall(self, seconds: float) -> None:
        """Expect everything later by the time in which the process stood still or was slow."""
        self.disturb(CLOCK.now)
        self.stalled += seconds
        began = CLOCK.now - seconds
        if self.kernel_disturbed_until > began:
            self.kernel_disturbed_until += seconds
        if self.operator.in_force_since > began:
            self.operator.in_force_since += seconds

    def disturb(self, until: float) -> None:
        """Expect nothing timely of the director until then."""
        self.undisturbed_since = max(self.undisturbed_since, until)

    def end_extra_probe(self) -> None:
        """Expect no more that a server is probed out of turn."""
        self.extra_probes -= 1

    def lose_results(self, seconds: float) -> None:
        """Expect for so many seconds that results of probes come late, or not at all."""
        for server in self.network.servers.values():
            server.doubtful_until = max(server.doubtful_until, CLOCK.now + seconds)

    def trace(self, kind: str, *what: object) -> None:
        """Add a line to the trace, whose digest is the same in each run of a seed."""
        line = f"{CLOCK.now - self.begin:.6f} {kind} {' '.join(map(str, what))}"
        self.digest.update(line.encode())
        self.lines.append(line)

    def server(self, address: tuple[str, int], kind: str, site: SiteSpec) -> Server:
        """Return the server of an address, a new one if there is none."""
        server = self.network.servers.get(address)
        if server is None:
            server = self.network.servers[address] = Server(self, kind, site.timeout)
        return server

    def forget(self) -> None:
        """Release what is left of all processes."""
        self.agenda.clear()
        self.process.forget()
        self.commands.reset()

    def run(self, until: float) -> None:
        """Let everything happen up to this time, or up to the first violation."""
        entries, violations, process, clock = self.agenda.entries, self.checks.violations, self.process, CLOCK
        since, turns = clock.now, 0
        while not violations:
            if (loop := self.loop) is not None and loop.ready and not process.is_blocked:
                turns += loop.run_turns(until)
                if turns > MAX_TURNS:
                    if turns > MAX_TURNS * (clock.now - since):
                        self.checks.fail("I10", f"{turns} turns of the event loop in {clock.now - since:.3f} s")
                    since, turns = clock.now, 0
            due = entries[0][0]
            if due > until:
                clock.now = max(clock.now, until)
                return
            if due > clock.now:
                clock.now = due
            else:
                due = clock.now
            while entries[0][0] <= due:
                _, _, call, arguments = heappop(entries)
                call(*arguments)


class TraceHandler(logging.Handler):
    """Keeps the director's log lines with the trace; a traceback in the log is a violation."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def emit(self, record: logging.LogRecord) -> None:
        self.world.lines.append(f"{CLOCK.now - self.world.begin:.6f} log {record.getMessage()}")
        if record.exc_info and record.exc_info[0] is not None and not _is_of_a_killed_process(record.exc_info[1]):
            self.world.checks.fail("I9", f"{record.getMessage()}: {record.exc_info[1]!r}")


def _end_wait(waiter: Any) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _is_of_a_killed_process(error: BaseException | None) -> bool:
    """Return whether the end of a coroutine is the error, which only happens to those of killed processes."""
    return isinstance(error, RuntimeError) and str(error).endswith(("ignored GeneratorExit", "is already running"))
