"""The page: opens its socket, and keeps a process running that serves it; never a reason for the daemon to fail."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from typing import Final, NoReturn

from ldirectord_py.config.model import Globals
from ldirectord_py.daemon.web.listening import listening_socket
from ldirectord_py.daemon.web.process import PageProcess
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.respawning import STABLE_TIME, run_again_and_again
from ldirectord_py.runtime.text import error_text
from ldirectord_py.runtime.waiting import wait_until_set

logger = logging.getLogger(__name__)

ADDRESS_RETRY_INTERVAL: Final = 60.0
"""Seconds after which an address that could not be used is tried again."""


class PageSupervisor:
    """Serves the page where the settings say; ``serve_child`` serves the other end of a socket pair until it is closed.

    Its state: the settings that are wanted and those in force, the listening socket, who serves, and the fault of
    either. While no process can serve, nothing listens: clients are refused instead of waiting for nobody.
    """

    def __init__(self, serve_child: Callable[[socket.socket], asyncio.Task[None]], settings: Globals) -> None:
        self._serve_child = serve_child
        self._wanted = _of(settings)
        self._address: str | None = None
        self._user = ""
        self._listening: socket.socket | None = None
        self._serving: asyncio.Task[NoReturn] | None = None
        self._changed = asyncio.Event()
        self._changed.set()
        self._address_fault = OngoingFault()
        self._process_fault = OngoingFault()

    def set_config(self, settings: Globals) -> None:
        """Serve where these settings say, soon."""
        if (wanted := _of(settings)) != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> NoReturn:
        """Serve the page, for ever."""
        done = True
        while True:
            await wait_until_set(self._changed, None if done else ADDRESS_RETRY_INTERVAL)
            self._changed.clear()
            done = await self._switch(*self._wanted)

    async def close(self) -> None:
        """End the process, and close the socket."""
        await self._end_process()
        self._stop_listening()

    async def _switch(self, address: str | None, user: str) -> bool:
        """Serve at another address, or as another user; return whether it is done: not if the address is unusable."""
        if (address, user) == (self._address, self._user):
            self._address_fault.clear()
            return True
        if address is None:
            await self.close()
            self._address = None
            self._address_fault.clear()
            return True
        done = address == self._address or await self._open(address)
        if self._address is not None and (done or user != self._user):
            await self._end_process()
            self._user = user
            self._process_fault.clear()
            run_once = partial(self._serve_once, self._address, user)
            self._serving = asyncio.create_task(run_again_and_again(run_once, self._report_end))
        return done

    async def _open(self, address: str) -> bool:
        """Listen at an address; return whether this host permits it. The former socket stays if it does not."""
        former = self._address
        if former is not None and former.rpartition(":")[2] == address.rpartition(":")[2]:
            await self.close()  # one of both may include the other, as 0.0.0.0 does
            self._user = ""  # it is served again if the other address cannot be
        try:
            listening = listening_socket(address)
        except OSError as error:
            if self._address_fault.record(reason := f"The page cannot be served at {address}: {error_text(error)}"):
                logger.error("%s", reason)
            return False
        await self.close()
        self._address_fault.clear()
        self._listening, self._address = listening, address
        logger.info("The page is served at http://%s/", address)
        return True

    async def _end_process(self) -> None:
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self._serving = None

    async def _serve_once(self, address: str, user: str) -> str:
        """Serve by one process until it ends; returns why it ended, or could not begin."""
        if self._listening is None:
            try:
                self._listening = listening_socket(address)
            except OSError as error:
                return f"The page cannot be served at {address} any more: {error_text(error)}"
        stable = asyncio.get_running_loop().call_later(STABLE_TIME, self._report_recovery, address)
        try:
            return await self._run_process(self._listening, user)
        finally:
            stable.cancel()

    async def _run_process(self, listening: socket.socket, user: str) -> str:
        """Run one process to its end; returns a description of the end."""
        ours = None
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                process = PageProcess(listening, user, theirs)
        except OSError as error:
            if ours is not None:
                ours.close()
            return f"The process of the page cannot be started: {error_text(error)}"
        connection, ended = self._serve_child(ours), asyncio.create_task(process.wait())
        try:
            await asyncio.wait({connection, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            connection.cancel()
            ended.cancel()
            await asyncio.gather(connection, ended, return_exceptions=True)
            description = await process.reap()
        return f"The process of the page {description}"

    def _report_end(self, reason: str, when: str) -> None:
        """Log why nobody serves, once as long as it stays the same; listen no more if that takes a while."""
        if when:
            self._stop_listening()
        if self._process_fault.record(reason):
            logger.warning("%s; it is started again%s", reason, when or " now")

    def _report_recovery(self, address: str) -> None:
        if self._process_fault.clear():
            logger.warning("The page is served at http://%s/ again", address)

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None


def _of(settings: Globals) -> tuple[str | None, str]:
    return settings.listen, settings.listenuser
