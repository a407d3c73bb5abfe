"""The control socket of a daemon: opened before the daemon is ready, closed at its end, never a reason to fail."""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import socket
from typing import Final, NoReturn

from ldirectord_py.config.model import Globals
from ldirectord_py.control.rights import Access
from ldirectord_py.control.server import ControlServer
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.requests import routes
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.text import error_text
from ldirectord_py.runtime.threads import run_in_daemon_thread
from ldirectord_py.runtime.waiting import run_all, wait_until_set

logger = logging.getLogger(__name__)

GROUPS_TIMEOUT: Final = 10.0
"""Seconds to look up groups, and to change the permissions of the socket."""

LOOK_INTERVAL: Final = 10.0
"""Seconds between two looks whether the socket is still there; each takes 0.1 ms."""

LOOK_TIMEOUT: Final = 10.0
"""Seconds for a look."""

RETRY_INTERVAL: Final = 60.0
"""Seconds after which groups are looked up again when that failed."""


class ControlSocket:
    """Serves the requests of ``context``.

    Its state: the server, the groups that are to have rights, and why some of them have none or nobody can connect.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._server = ControlServer(routes(context), context.in_force.fields)
        self._changed = asyncio.Event()
        self._groups = _groups(context.reloader.loaded.config.settings)
        self._is_open = False
        self._groups_fault = OngoingFault()
        self._socket_fault = OngoingFault()

    def listen(self) -> None:
        """Listen, if this host permits it; else the daemon goes on without, and tries again in ``run``."""
        path = self.context.identity.instance.socket_file
        try:
            self._server.listen(path)
        except OSError as error:
            if self._socket_fault.record(reason := error_text(error)):
                logger.error("No command can ask this daemon: its control socket %s fails: %s", path, reason)
        else:
            self._is_open = True
            self._changed.set()
            if self._socket_fault.clear():
                logger.warning("The control socket %s was missing, and is there again", path)

    def serve_child(self, connected: socket.socket) -> asyncio.Task[None]:
        """Serve a process of ours as ``ControlServer.serve_child`` does."""
        return self._server.serve_child(connected)

    def set_groups(self, settings: Globals) -> None:
        """Give the groups of these settings their rights soon."""
        if (groups := _groups(settings)) != self._groups:
            self._groups = groups
            self._groups_fault.clear()
            self._changed.set()

    async def run(self) -> None:
        """Keep the socket at its path, and give groups their rights; for ever."""
        await run_all(self._keep_rights(), self._keep_socket())

    async def _keep_socket(self) -> NoReturn:
        """Listen again whenever somebody has removed or replaced the socket."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL)
            try:
                found = await run_in_daemon_thread(self._server.is_at_its_path, LOOK_TIMEOUT)
            except OSError:  # TimeoutError too: the disk hangs, or this host has no thread left
                continue
            if not found:
                if not self._socket_fault.reason:
                    self._socket_fault.record("it is missing")
                self.listen()

    async def _keep_rights(self) -> NoReturn:
        """Look up groups and give them their rights; groups that cannot be looked up have none."""
        retry = None
        while True:
            await wait_until_set(self._changed, retry)
            self._changed.clear()
            done = not self._is_open or await self._give_rights(*self._groups)
            retry = None if done else RETRY_INTERVAL

    async def close(self) -> None:
        """Remove the socket, and disconnect all clients."""
        self._is_open = False
        await asyncio.gather(self._server.close(), self.context.usage.close())

    async def _give_rights(self, control: str | None, status: str | None) -> bool:
        """Return whether it is done: not if the lookup failed."""
        owner = Access(os.geteuid())
        try:
            access, missing = await run_in_daemon_thread(lambda: _access(control, status), GROUPS_TIMEOUT)
            await run_in_daemon_thread(lambda: self._server.permit(access), GROUPS_TIMEOUT)
        except OSError as error:  # TimeoutError too
            self._server.set_access(owner)
            if self._groups_fault.record(reason := error_text(error)):
                logger.warning("Only root may use the control socket: its groups fail: %s", reason)
            return False
        self._server.set_access(access)
        if not missing:
            if self._groups_fault.clear():
                logger.warning("All groups have their rights to the control socket")
        elif self._groups_fault.record(f"missing: {', '.join(missing)}"):
            for name in missing:
                logger.warning("There is no group %s; it has no right to the control socket", name)
        return not missing


def _groups(settings: Globals) -> tuple[str | None, str | None]:
    return settings.controlgroup, settings.statusgroup


def _access(control: str | None, status: str | None) -> tuple[Access, list[str]]:
    """Return the rights of groups, and the names that are of no group; blocks."""
    found = {name: _gid(name) for name in (control, status) if name}
    gids = [frozenset({gid} if (gid := found.get(name or "")) is not None else ()) for name in (control, status)]
    return Access(os.geteuid(), *gids), [name for name, gid in found.items() if gid is None]


def _gid(name: str) -> int | None:
    if name.isdecimal():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
