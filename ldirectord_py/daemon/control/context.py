"""What the requests of the control socket work on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ldirectord_py.daemon.administration.administrator import Administrator
from ldirectord_py.daemon.configuration.reload import Reloader
from ldirectord_py.daemon.control.feed.server_feed import ServerFeed
from ldirectord_py.daemon.control.in_force import InForce
from ldirectord_py.daemon.control.servers.kernel_usage import KernelUsage
from ldirectord_py.daemon.history.event_counters import EventCounters
from ldirectord_py.daemon.history.journal import Journal
from ldirectord_py.daemon.history.transitions import TransitionHistory
from ldirectord_py.daemon.probe_dispatcher import ProbeDispatcher
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.instance.identity import Identity
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.report.lost import LostReports
from ldirectord_py.runtime.loop_lag import LoopLag


@dataclass(slots=True, kw_only=True)
class Context:
    """The parts of a daemon, what counts its ``lost`` reports, and when it ``started``, in seconds since the epoch."""

    identity: Identity
    director: Director
    reloader: Reloader
    probes: ProbeDispatcher
    administrator: Administrator
    journal: Journal
    transitions: TransitionHistory
    events: EventCounters
    loop_lag: LoopLag
    kernel: Kernel
    lost: Callable[[], LostReports]
    started: float = field(default_factory=time.time)
    in_force: InForce = field(init=False)
    usage: KernelUsage = field(init=False)
    feed: ServerFeed = field(init=False)

    def __post_init__(self) -> None:
        """Follow the configurations that come into force, once the director is told of ``in_force``."""
        reloader, director = self.reloader, self.director
        self.in_force = InForce(lambda: reloader.loaded)
        self.usage = KernelUsage(self.kernel, lambda: tuple(director.compiled.virtuals))
        self.feed = ServerFeed(director, self.transitions, self.kernel)
