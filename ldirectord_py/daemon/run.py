"""The daemon: creates the objects, connects them, and ends them.

::

    Reloader --_reload--.
    NameWatch ----------+--> _put_in_force --> MaintenanceDirectory.prepare, Director.reload, ProbeDispatcher.set_config

    Administrator -------set_administration-.
    MaintenanceDirectory --set_maintenance--+
    Prober or WorkerPool ----observe--------+--> Director: HealthTracker --> TableSync --> Kernel
                                                               |                 |
                                                               '------Event------+--> log
                                                                                 +--> Journal, TransitionHistory
                                                                                 +--> EventCounters
                                                                                 +--> ExpirySetting: Kernel.set_expiry
                                                                                 +--> SelfDoubt ----------------.
                                                                                 +--> MailAlerts <--------------'
                                                                                 +--> Notifications
                                                                                 +--> MonitorFiles
                                                                                 '--> FallbackCommands

    Reloader.run, when the files change --> CommandRunner.changed: ``callback``
    _reload, after it -------------------> CommandRunner.reloaded: ``execute``

    ControlSocket: its requests are given a Context, with Director, Reloader, ProbeDispatcher and Administrator
    PageSupervisor --> PageProcess, a client that ControlSocket serves
    Watchdog, by the steps of HealthTracker and TableSync --> SdNotify
    Administrator, Continuity --> StateFile, which the next daemon reads
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Callable
from typing import Any, Final, NoReturn

from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.administration.administrator import Administrator
from ldirectord_py.daemon.administration.continuity import Continuity
from ldirectord_py.daemon.administration.state_file import StateFile
from ldirectord_py.daemon.commands.runner import CommandRunner
from ldirectord_py.daemon.configuration.name_watch import NameWatch
from ldirectord_py.daemon.configuration.reload import Reloader
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.control_socket import ControlSocket
from ldirectord_py.daemon.expiry import ExpirySetting
from ldirectord_py.daemon.history.event_counters import EventCounters
from ldirectord_py.daemon.history.journal import Journal
from ldirectord_py.daemon.history.transitions import TransitionHistory
from ldirectord_py.daemon.incident_watch import IncidentWatch
from ldirectord_py.daemon.maintenance.directory import MaintenanceDirectory
from ldirectord_py.daemon.probe_dispatcher import ProbeDispatcher
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.reports import Reports
from ldirectord_py.daemon.self_doubt import SelfDoubt
from ldirectord_py.daemon.watchdog import Watchdog, activities_of
from ldirectord_py.daemon.web.supervisor import PageSupervisor
from ldirectord_py.errors import KernelError
from ldirectord_py.instance.identity import Identity
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.netlink.client import NetlinkKernel
from ldirectord_py.report.event_dispatcher import EventDispatcher
from ldirectord_py.report.events import Checked, ConfigInForce, KernelFound, Outage, Probed, Written
from ldirectord_py.report.log import logfile
from ldirectord_py.report.log.listener import log
from ldirectord_py.report.monitorfile import FLUSH_TIMEOUT
from ldirectord_py.runtime import signals
from ldirectord_py.runtime.garbage import freeze_survivors, gc_paused
from ldirectord_py.runtime.loop_lag import LoopLag
from ldirectord_py.runtime.waiting import RunningTimeout, run_all

logger = logging.getLogger(__name__)

STOP_TIMEOUT: Final = 1.8
"""Seconds for a stop: first for the kernel, and the rest of the time for mails and monitorfiles."""

MIN_REPORT_TIMEOUT: Final = 0.6
"""Seconds for mails and monitorfiles at least, however long the kernel and the daemons of ``execute`` take."""

STATE_TIMEOUT: Final = 0.5
"""Seconds for the state file at the end."""

STATUS_INTERVAL: Final = 1.0
"""Seconds between two comparisons of the status line."""


async def serve(
    identity: Identity, loaded: Parsed, notify: SdNotify, ready: Callable[[], None], kernel: Kernel | None = None
) -> None:
    """Run the daemon until SIGTERM, SIGINT or SIGQUIT; call ``ready`` once the kernel has the services.

    The ``kernel`` is that of this host, unless one is given. Raises KernelError if its table cannot be written at the
    start.
    """
    daemon = Daemon(identity, loaded, notify, kernel or NetlinkKernel())
    stop = _stop_signal(on_hangup=daemon.reloader.request)
    running = asyncio.create_task(daemon.run(ready))
    ends: list[asyncio.Future[Any]] = [running, stop]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        notify.stopping()
        running.cancel()  # a start or a reload must not go on during the stop
        await daemon.stop()
        logger.info("Linux Director Daemon terminated on signal: %s", stop.result())
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await daemon.close()


class Daemon:
    """The objects of a daemon, and the order in which they start, switch to a new configuration, and end."""

    def __init__(self, identity: Identity, loaded: Parsed, notify: SdNotify, kernel: Kernel) -> None:
        self.journal, self.transitions = Journal(), TransitionHistory()
        self.events, self.loop_lag = EventCounters(), LoopLag()
        listeners = EventDispatcher()
        for listener in (log, self.journal, self.events):
            listeners.add(listener)
        listeners.add(self.transitions, Checked, ConfigInForce)
        self.kernel = kernel
        with gc_paused():
            compiled = compile_config(loaded.config, kinds())
        self.director = Director(kernel, compiled, [listeners])
        self.doubt = SelfDoubt(self.director)
        self.reports = Reports(loaded.config, self.doubt)
        listeners.add(self.doubt, Checked, ConfigInForce)
        self.expiry = ExpirySetting(kernel)
        listeners.add(self.expiry, ConfigInForce, KernelFound)
        self.commands = CommandRunner(self.director, identity.path)
        listeners.add(self.reports.mail)
        listeners.add(self.reports.notifications)
        listeners.add(self.reports.files, Probed)
        listeners.add(self.commands.fallback, Outage)
        self.maintenance = MaintenanceDirectory(self.director)
        self.probes = ProbeDispatcher(self.director.observe)
        self.incidents = IncidentWatch(lambda: self.probes.counts, self.reports.lost_reports, self.director.publish)
        self.reloader = Reloader(identity.path, loaded, self.director, self._reload, notify)
        self.name_watch = NameWatch(self.reloader, self._put_in_force)
        state_file = StateFile(identity.instance.state_file, identity.instance.name)
        self.administrator = Administrator(self.director, state_file)
        self.continuity = Continuity(self.director, state_file, lambda: self.reloader.loaded.hosts)
        listeners.add(self.administrator, ConfigInForce)
        listeners.add(self.continuity, ConfigInForce)
        context = self._control_context(identity)
        self.control = ControlSocket(context)
        self.page = PageSupervisor(self.control.serve_child, loaded.config.settings)
        listeners.add(context.in_force, ConfigInForce)
        listeners.add(context.usage, Written)
        listeners.add(context.feed)
        self.notify = notify
        self.watchdog = Watchdog(notify, activities_of(self.director))
        self._deadline = math.inf

    def _control_context(self, identity: Identity) -> Context:
        return Context(
            identity=identity,
            director=self.director,
            reloader=self.reloader,
            probes=self.probes,
            administrator=self.administrator,
            journal=self.journal,
            transitions=self.transitions,
            events=self.events,
            loop_lag=self.loop_lag,
            kernel=self.kernel,
            lost=self.reports.lost_reports,
        )

    async def run(self, ready: Callable[[], None]) -> None:
        """Start, call ``ready``, and run until cancelled; raises KernelError as the start does."""
        await asyncio.gather(self.maintenance.start(), self.administrator.start())
        self.continuity.start()
        with gc_paused():  # benchmark start: a sixth of the time with 10,000 servers
            await self.director.start()
        self.probes.set_config(self.director.compiled)
        freeze_survivors()
        self.commands.start()
        self.control.listen()
        self.notify.ready(self.director.summary)
        ready()
        await run_all(
            self.director.run(),
            self.reloader.run(self.commands.changed),
            self.name_watch.run(),
            self.maintenance.run(),
            self.administrator.run(),
            self.administrator.state_file.run(),
            self.maintenance.names.run(),
            self.reports.mail.run(),
            self.doubt.run(),
            self.incidents.run(),
            self.control.run(),
            self.page.run(),
            self.probes.note_program(),
            self.expiry.run(),
            self.watchdog.run(),
            self.loop_lag.run(),
            _keep_status(self.director, self.notify),
        )

    async def stop(self) -> None:
        """Remove our services from the kernel, end the checks, and stop the daemons of ``execute``."""
        self._deadline = asyncio.get_running_loop().time() + STOP_TIMEOUT
        await asyncio.gather(_stop(self.director), self.probes.close(), self.commands.stop())

    async def close(self) -> None:
        """Release everything; works at any stage of the start."""
        state = self.administrator.close(STATE_TIMEOUT)
        parts = (self.page.close(), self.control.close(), self.probes.close(), state)
        await asyncio.gather(*parts, return_exceptions=True)
        await self.commands.close()
        await self.kernel.aclose()
        left = self._deadline - asyncio.get_running_loop().time()
        await self.reports.close(min(FLUSH_TIMEOUT, max(MIN_REPORT_TIMEOUT, left)))

    async def _reload(self, new: CompiledConfig) -> None:
        await self._put_in_force(new)
        self.commands.reloaded()

    async def _put_in_force(self, new: CompiledConfig) -> None:
        await self.maintenance.prepare(new)
        await self.director.reload(new)
        await asyncio.sleep(0)  # a turn of the loop for each: they take some 30 ms with 37,000 servers
        self.probes.set_config(self.director.compiled)
        await asyncio.sleep(0)
        freeze_survivors()
        logfile.reconfigure(new.config.settings)
        self.control.set_groups(new.config.settings)
        self.page.set_config(new.config.settings)


def _stop_signal(on_hangup: Callable[[], None]) -> asyncio.Future[str]:
    """Return a future of the name of the first signal to stop; from now on the signals are handled."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()

    def on_stop(number: signal.Signals) -> None:
        if not stop.done():
            stop.set_result(number.name.removeprefix("SIG"))

    for number in signals.STOP_SIGNALS:
        loop.add_signal_handler(number, on_stop, number)
    loop.add_signal_handler(signals.RELOAD_SIGNAL, on_hangup)
    if signals.unblock():
        on_hangup()
    return stop


async def _stop(director: Director) -> None:
    seconds = STOP_TIMEOUT - MIN_REPORT_TIMEOUT
    try:
        async with RunningTimeout(seconds):
            await director.stop()
    except KernelError as error:
        logger.error("Our services stay in the kernel: %s", error)
    except TimeoutError:
        logger.error("Our services may stay in the kernel: it did not answer within %g s", seconds)


async def _keep_status(director: Director, notify: SdNotify) -> NoReturn:
    """Keep the line that ``systemctl status`` shows up to date."""
    sent = ""
    while True:
        if notify.address is not None and director.summary != sent:
            sent = director.summary
            notify.status(sent)
        await asyncio.sleep(STATUS_INTERVAL)
