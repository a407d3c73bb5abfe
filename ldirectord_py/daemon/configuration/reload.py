"""Reads the configuration again: on request, and with ``autoreload`` when its files change."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.files import Files
from ldirectord_py.config.load import load
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.configuration.file_watch import FileWatch
from ldirectord_py.daemon.configuration.guard import refusal
from ldirectord_py.daemon.configuration.snapshot import changed_file, is_readable
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.errors import ConfigError, Problem
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.report.events import ReloadRefused
from ldirectord_py.runtime.garbage import gc_paused
from ldirectord_py.runtime.threads import run_in_daemon_thread
from ldirectord_py.runtime.waiting import wait_until_set

logger = logging.getLogger(__name__)

LOAD_TIMEOUT: Final = 60.0
"""Seconds to read and parse the configuration, with its names looked up."""

WATCH_INTERVAL: Final = 1.0
"""Seconds between two polls of the files."""


@dataclass(frozen=True, slots=True)
class ReloadOutcome:
    """Whether the files are in force now; their errors and warnings, and other reasons why they are not."""

    taken: bool
    problems: tuple[Problem, ...] = ()
    reasons: tuple[str, ...] = ()


class Reloader:
    """Passes each valid new configuration to ``put_in_force``; an invalid one is logged and changes nothing.

    Its state: the configuration that is ``loaded``, the watch of its files, whether a reload is requested, and who
    waits for the outcome of the next one; how many were taken and not taken (``outcomes``), and the last one.
    """

    def __init__(
        self,
        path: Path,
        loaded: Parsed,
        director: Director,
        put_in_force: Callable[[CompiledConfig], Awaitable[None]],
        notify: SdNotify,
    ) -> None:
        self.loaded = loaded
        self.files = FileWatch(path, loaded.contents)
        self._path = path
        self._director = director
        self._put_in_force = put_in_force
        self._notify = notify
        self._requested = asyncio.Event()
        self._waiting: list[asyncio.Future[ReloadOutcome]] = []
        self._replacing = asyncio.Lock()
        self.outcomes: Counter[bool] = Counter()
        self.last_taken = True

    def request(self) -> None:
        """Request a reload, which happens soon; further requests until then have no effect."""
        self._requested.set()

    async def reload_soon(self) -> ReloadOutcome:
        """Return the outcome of a reload that reads the files after this call; ``run`` does one for all who wait."""
        outcome: asyncio.Future[ReloadOutcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(outcome)
        self.request()
        return await outcome

    async def run(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Reload on request and when files change, for ever; ``on_change`` is called after each change of the files."""
        while True:
            if await wait_until_set(self._requested, WATCH_INTERVAL):
                self._requested.clear()
                waiting, self._waiting = self._waiting, []
                logger.info("Reloading Linux Director Daemon config on signal")
                before = self.files.contents
                outcome = await self.reload()
                for each in waiting:
                    if not each.done():  # who waited may be gone
                        each.set_result(outcome)
                after = self.files.contents
                changed = is_readable(after) and changed_file(before, after) is not None
            else:
                changed = await self.poll()
            if changed:
                on_change()

    async def poll(self) -> bool:
        """Return whether the text of any file has changed; reloads first if it has and ``autoreload`` is set."""
        file = await self.files.poll()
        if file is None:
            return False
        logger.info("Configuration file '%s' has changed on disk", file)
        if self.loaded.config.settings.autoreload:
            logger.info(" - reread new configuration")
            await self.reload(requested=False)
        else:
            logger.info(" - ignore new configuration")
        return True

    async def reload(self, *, requested: bool = True) -> ReloadOutcome:
        """Put the configuration of the files in force if it is valid, else log its errors; return what came of it.

        Unless the reload was ``requested``, a configuration without more than half of the servers is refused too.
        """
        self._notify.reloading()
        outcome = await self._read_and_replace(requested=requested)
        self.outcomes[outcome.taken] += 1
        self.last_taken = outcome.taken
        if not outcome.taken:
            self._log_kept(outcome)
        self._notify.ready(self._director.summary)
        return outcome

    def compile(self, loaded: Parsed) -> tuple[Parsed, CompiledConfig]:
        """Return the configuration and its compiled form; both reuse equal objects of the configuration in force."""
        compiled = compile_config(loaded.config, kinds(), self._director.compiled)
        return replace(loaded, config=compiled.config), compiled

    async def replace_loaded(self, former: Parsed, loaded: Parsed, put_in_force: Callable[[], Awaitable[None]]) -> None:
        """Replace the configuration ``former`` and call ``put_in_force``, unless a reload has replaced it already."""
        async with self._replacing:
            if self.loaded is former:
                self.loaded = loaded
                await put_in_force()

    async def _read_and_replace(self, *, requested: bool) -> ReloadOutcome:
        await self.files.read()
        files = Files()
        try:
            with gc_paused():
                loaded, compiled = await run_in_daemon_thread(lambda: self._load(files), LOAD_TIMEOUT)
        except ConfigError as error:
            self.files.contents = files.contents
            return ReloadOutcome(taken=False, problems=error.problems)
        except TimeoutError:
            where = f"{self._path} was not read within {LOAD_TIMEOUT:g} s"
            return _not_taken(f"{where}; look at its disk and at the resolver")
        except OSError as error:  # this host cannot start a thread
            return _not_taken(f"{self._path} was not read: {error.strerror}")
        except Exception as error:
            logger.exception("Reading %s failed", self._path)
            return _not_taken(str(error))
        self.files.contents = loaded.contents
        return await self._replace_unless_refused(loaded, compiled, requested=requested)

    def _load(self, files: Files) -> tuple[Parsed, CompiledConfig]:
        return self.compile(load(self._path, self.loaded.hosts, files))

    async def _replace_unless_refused(
        self, loaded: Parsed, compiled: CompiledConfig, *, requested: bool
    ) -> ReloadOutcome:
        for warning in loaded.warnings:
            logger.warning("%s", warning)
        if reason := refusal(self._path, self.loaded.config, loaded.config, requested=requested):
            return _not_taken(reason)
        async with self._replacing:
            self.loaded = loaded
            await self._put_in_force(compiled)
        return ReloadOutcome(taken=True, problems=loaded.warnings)

    def _log_kept(self, outcome: ReloadOutcome) -> None:
        reasons = (*map(str, outcome.problems), *outcome.reasons)
        for reason in reasons:
            logger.error("%s", reason)
        logger.error("Kept the old configuration: fix %s and reload", self._path)
        self._director.publish(ReloadRefused(reasons))


def _not_taken(reason: str) -> ReloadOutcome:
    return ReloadOutcome(taken=False, reasons=(reason,))
