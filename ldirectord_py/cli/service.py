"""The daemon proper, as ``start``, ``restart`` and ``run`` start it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import uvloop

from ldirectord_py.cli.arguments import Invocation
from ldirectord_py.cli.commands import version
from ldirectord_py.config.load import load
from ldirectord_py.config.parse import Parsed
from ldirectord_py.errors import LdirectordError
from ldirectord_py.instance import sd_notify
from ldirectord_py.instance.pid_file import Instance, Lock, instance
from ldirectord_py.report.log.logfile import open_log
from ldirectord_py.runtime import signals

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """An instance and what it is to run with."""

    process: Instance
    path: Path
    loaded: Parsed
    debug: bool

    def serve(self, lock: Lock, ready: Callable[[], None] | None = None) -> None:
        """Be the daemon until it is told to stop; call ``ready``, where somebody waits for that, once it serves."""
        signals.hold()  # until the daemon listens to them
        with (
            self.process.pid_written(lock),
            open_log(self.loaded.config.settings, self.process.name, verbose=self.debug),
        ):
            LOG.info("Starting %s %s", version(), "as daemon" if ready else f"with pid: {os.getpid()}")
            for warning in self.loaded.warnings:
                LOG.warning("%s", warning)
            try:
                self._run(ready or _nobody_waits)
            except LdirectordError as fault:
                LOG.critical("Linux Director Daemon failed: %s", fault)
                raise
            except Exception:
                LOG.exception("Linux Director Daemon failed")
                raise

    def _run(self, ready: Callable[[], None]) -> None:
        from ldirectord_py.daemon.run import serve  # noqa: PLC0415  imported after the fork: it is large

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_to_the_end(serve(self.path, self.loaded, sd_notify.take(os.environ), ready)))


def read(invocation: Invocation) -> Service:
    """Return the service of a good configuration, its warnings printed; raise ConfigError for a bad one."""
    path = invocation.config_file().absolute()  # the daemon leaves this folder
    loaded = load(path)
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
    return Service(instance(invocation.instance), path, loaded, invocation.debug)


def _nobody_waits() -> None:
    pass


async def _to_the_end(serving: Coroutine[None, None, None]) -> None:
    """Serve, and let no signal interrupt what is left to do then: it would leave the pid file behind."""
    try:
        await serving
    finally:
        signals.hold()
