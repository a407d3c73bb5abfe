"""Reading the configuration again: on request, and with ``autoreload`` when its content changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.files import Files
from ldirectord_py.config.include import Contents
from ldirectord_py.config.load import load
from ldirectord_py.config.loss import describe_loss
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.configuration.file_watch import Stamp, changed, digest, look, stamp
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.errors import ConfigError
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.runtime.garbage import gc_paused
from ldirectord_py.runtime.threads import run_in_daemon_thread

logger = logging.getLogger(__name__)

LOAD_SECONDS: Final = 60.0
LOOK_EVERY: Final = 1.0
LOOK_SECONDS: Final = 5.0


class Reloader:
    """Hands every good new configuration to ``put_in_force``; a bad one changes nothing and is told.

    Its state: what is ``loaded``, whose addresses of host names stay in force while a resolver fails; what was in the
    files when they were last read, good or not, with stamp and digest; their stamp when they were last looked at, and
    whether such a look is under way.
    """

    def __init__(
        self,
        path: Path,
        loaded: Parsed,
        director: Director,
        put_in_force: Callable[[CompiledConfig], Awaitable[None]],
        notify: SdNotify,
    ) -> None:
        self._path = path
        self.loaded = loaded
        self._director = director
        self._put_in_force = put_in_force
        self._notify = notify
        self._asked = asyncio.Event()
        self._stamp: Stamp | None = None
        self._read_stamp: Stamp | None = None
        self._stamping = False
        self._contents = loaded.contents
        self._digest = digest(loaded.contents)
        self._changing = asyncio.Lock()

    def request(self) -> None:
        """Read the configuration again soon; several requests before it happens are one."""
        self._asked.set()

    async def run(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Serve requests and watch the files, for ever; ``on_change`` is called after each change of what they hold."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._asked.wait()
            if self._asked.is_set():
                self._asked.clear()
                logger.info("Reloading Linux Director Daemon config on signal")
                known = self._digest
                await self.reload()
                noticed = self._digest not in ("", known)
            else:
                noticed = await self.look()
            if noticed:
                on_change()

    async def reload(self, *, asked: bool = True) -> None:
        """Put the file's content in force if it is good, else tell what is wrong with it and keep the old one.

        Unless somebody ``asked`` for it, a file that has lost more than half of the servers is refused as well.
        """
        self._notify.reloading()
        await self.remember()
        files = Files()
        try:
            with gc_paused():
                loaded, new = await run_in_daemon_thread(lambda: self._read(files), LOAD_SECONDS)
        except ConfigError as refused:
            await self._take(files.contents)
            self._keep(*refused.problems)
        except TimeoutError:
            self._keep(f"{self._path} was not read within {LOAD_SECONDS:g} s; look at its disk and at the resolver")
        except OSError as error:  # this host has no thread to spare
            self._keep(f"{self._path} was not read: {error.strerror}")
        except Exception as error:
            logger.exception("Reading %s failed", self._path)
            self._keep(error)
        else:
            await self._take(loaded.contents)
            await self._apply(loaded, new, asked=asked)
        self._notify.ready(self._director.summary)

    async def _take(self, contents: Contents) -> None:
        self._contents, self._digest = contents, ""
        with suppress(OSError):
            self._digest = await run_in_daemon_thread(lambda: digest(contents), LOOK_SECONDS)

    def _read(self, files: Files) -> tuple[Parsed, CompiledConfig]:
        return self.understood(load(self._path, self.loaded.hosts, files))

    def understood(self, loaded: Parsed) -> tuple[Parsed, CompiledConfig]:
        """Return the orders of what was loaded, and it, both with the very objects in force wherever they are equal."""
        new = compile_config(loaded.config, kinds(), self._director.compiled)
        return replace(loaded, config=new.config), new

    async def _apply(self, loaded: Parsed, new: CompiledConfig, *, asked: bool) -> None:
        for warning in loaded.warnings:
            logger.warning("%s", warning)
        if self._director.compiled.virtuals and not new.virtuals:
            self._keep(f"{self._path} has no virtual server any more; to take all of them out, stop the daemon")
        elif not asked and (lost := describe_loss(self.loaded.config, loaded.config)):
            self._keep(
                f"{self._path} leaves out {lost}: autoreload does not remove more than half, as the file may be half"
                f" written; if it is complete, run: ldirectord {self._path} reload"
            )
        else:
            async with self._changing:
                self.loaded = loaded
                await self._put_in_force(new)

    async def amend(self, former: Parsed, loaded: Parsed, put_in_force: Callable[[], Awaitable[None]]) -> None:
        """Replace what is loaded by what the same text means now, unless a reload came before."""
        async with self._changing:
            if self.loaded is former:
                self.loaded = loaded
                await put_in_force()

    def _keep(self, *reasons: object) -> None:
        for reason in reasons:
            logger.error("%s", reason)
        logger.error("Kept the old configuration: mend %s and reload", self._path)

    async def look(self) -> bool:
        """Return whether the content of any file has changed, after a reload with ``autoreload``.

        Files that are still written to have to rest.
        """
        now = await self._stamp_now()
        rests, self._stamp = now == self._stamp, now
        if rests and now not in (None, self._read_stamp):
            known, before = self._digest, self._contents
            await self.remember()
            if self._digest != known:
                await self._changed(before)
                return True
        return False

    async def remember(self) -> None:
        """Take the files as they are now for those that are in force."""
        known = self._contents
        self._read_stamp = await self._stamp_now()
        self._digest = ""
        with suppress(OSError):
            await self._take(await run_in_daemon_thread(lambda: look(self._path, known), LOOK_SECONDS))

    async def _changed(self, before: Contents) -> None:
        logger.info("Configuration file '%s' has changed on disk", changed(before, self._contents))
        if self._director.compiled.config.settings.autoreload:
            logger.info(" - reread new configuration")
            await self.reload(asked=False)
        else:
            logger.info(" - ignore new configuration")

    async def _stamp_now(self) -> Stamp | None:
        """Return the stamp of the files, None where they cannot be looked at now."""
        if self._stamping:  # the disk has not answered since
            return None
        self._stamping, known = True, self._contents
        try:
            return await run_in_daemon_thread(lambda: self._stamped(known), LOOK_SECONDS)
        except TimeoutError:
            return None
        except OSError:
            self._stamping = False
            return None

    def _stamped(self, known: Contents) -> Stamp:
        """Do in a thread what may hang; there is but one at a time, so that others are left for names."""
        try:
            return stamp(self._path, known)
        finally:
            self._stamping = False
