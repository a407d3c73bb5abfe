"""The daemon as ``start``, ``restart`` and ``run`` run it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import uvloop

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.commands import version
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.administration.saved_file import read_saved_file
from ldirectord_py.errors import LdirectordError
from ldirectord_py.instance import sd_notify
from ldirectord_py.instance.identity import Identity
from ldirectord_py.instance.pid_file import Instance, Lock, instance
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.report.log.logfile import open_log
from ldirectord_py.runtime import signals
from ldirectord_py.runtime.garbage import gc_paused

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DaemonProcess:
    """The daemon of an instance: its configuration, and its kernel, None for the kernel of this host."""

    instance: Instance
    path: Path
    loaded: Parsed
    debug: bool
    kernel: Kernel | None = None

    def serve(self, lock: Lock, ready: Callable[[], None] | None = None) -> None:
        """Run the daemon until a signal stops it; call ``ready`` once it serves.

        ``ready`` None: it runs in the foreground.
        """
        signals.block()  # until the daemon has its handlers
        with (
            self.instance.pid_written(lock),
            open_log(self.loaded.config.settings, self.instance.name, verbose=self.debug),
        ):
            logger.info("Starting %s %s", program := version(), "as daemon" if ready else f"with pid: {os.getpid()}")
            for warning in self.loaded.warnings:
                logger.warning("%s", warning)
            try:
                self._run(ready or _no_waiter, program)
            except LdirectordError as fault:
                logger.critical("Linux Director Daemon failed: %s", fault)
                raise
            except Exception:
                logger.exception("Linux Director Daemon failed")
                raise

    def _run(self, ready: Callable[[], None], program: str) -> None:
        from ldirectord_py.daemon.run import serve  # noqa: PLC0415  imported after the fork: it is large

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            identity = Identity(self.path, self.instance, program.rpartition(" ")[2])
            runner.run(
                _block_signals_after(serve(identity, self.loaded, sd_notify.pop_from(os.environ), ready, self.kernel))
            )


def load_daemon(invocation: Invocation) -> DaemonProcess:
    """Return the daemon of a configuration, whose warnings are printed; raises ConfigError.

    A host name that does not resolve now has the last address that a daemon of this instance knew.
    """
    path = invocation.config_file().absolute()  # the daemon changes its directory
    process = instance(invocation.instance)
    with gc_paused():  # a load of 1,000 virtuals with 10 servers each takes 0.17 s, and 0.20 without
        loaded = load_with_warnings(path, read_saved_file(process).hosts)
    return DaemonProcess(process, path, loaded, invocation.debug)


def _no_waiter() -> None:
    pass


async def _block_signals_after(serving: Coroutine[None, None, None]) -> None:
    """Serve, then block signals: one that interrupts what is left to do would leave the pid file behind."""
    try:
        await serving
    finally:
        signals.block()
