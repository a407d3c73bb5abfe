"""The server of the control socket: accepts clients, refuses strangers and crowds, and ends with the daemon."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from ldirectord_py.control.connection import ClientConnection, RequestRoute, Services
from ldirectord_py.control.listening import listening_socket, peer_of, permit
from ldirectord_py.control.protocol import Answer, Code, RequestError, encode_pieces, error_fields
from ldirectord_py.control.rights import ADOPTED_PEER, Access, Peer, Right
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.text import error_text

logger = logging.getLogger(__name__)

MAX_CLIENTS: Final = 64
"""Clients at a time; the next one is refused."""

MAX_LOOKING: Final = 48
"""Clients at a time that may look only, so that they never keep out those who may steer."""

MAX_ACCEPTED: Final = 8
"""Connections that are accepted in a turn of the event loop."""

RETRY_INTERVAL: Final = 1.0
"""Seconds after which accepting is tried again, when this host had no room for a connection."""


class ControlServer:
    """Serves the requests of ``routes`` at a Unix socket. Its state: the socket, who has which right, the clients."""

    def __init__(self, routes: Mapping[str, RequestRoute], common_fields: Callable[[], dict[str, object]]) -> None:
        self.access = Access(os.geteuid())
        self._services = Services(routes, common_fields, self._allows)
        self._clients: dict[asyncio.Task[None], ClientConnection] = {}
        self._listening: socket.socket | None = None
        self._path = Path()
        self._inode = 0
        self._retry: asyncio.TimerHandle | None = None
        self._fault = OngoingFault()

    def listen(self, path: Path) -> None:
        """Listen at ``path`` and nowhere else, at first for root and this user only; raises OSError."""
        listening = listening_socket(path)
        self._stop_listening()
        self._listening = listening
        self._path, self._inode = path, path.stat().st_ino
        self._accept_later()

    def is_at_its_path(self) -> bool:
        """Return whether clients find the socket; blocks; raises OSError if nobody can say."""
        try:
            return self._path.stat().st_ino == self._inode
        except (FileNotFoundError, NotADirectoryError):
            return False

    async def close(self) -> None:
        """Remove the socket, and disconnect all clients."""
        if self._listening is not None:
            self._stop_listening()
            with suppress(OSError):
                if self.is_at_its_path():
                    self._path.unlink()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def serve_child(self, connected: socket.socket) -> asyncio.Task[None]:
        """Serve the process at the other end of a socket pair, which may look only; return a task that ends with it."""
        connected.setblocking(False)
        return self._serve(connected, ADOPTED_PEER)

    def permit(self, access: Access) -> None:
        """Change the permissions of the socket to those of ``access``; blocks; raises OSError."""
        permit(self._path, access)

    def set_access(self, access: Access) -> None:
        """Give rights from now on; clients that have none any more are disconnected."""
        self.access = access
        for task, client in self._clients.items():
            if not self._allows(client.peer, Right.LOOK):
                task.cancel()

    def _allows(self, peer: Peer, right: Right) -> bool:
        return self.access.allows(peer, right)

    def _accept_later(self) -> None:
        if self._listening is not None:
            asyncio.get_running_loop().add_reader(self._listening.fileno(), self._accept, self._listening)

    def _accept(self, listening: socket.socket) -> None:
        """Accept the next connections; the event loop calls this while there are any."""
        for _ in range(MAX_ACCEPTED):
            try:
                connected, _ = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(listening, error)
                return
            if self._fault.clear():
                logger.warning("The control socket accepts connections again")
            self._admit(connected)

    def _stop_listening(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening.fileno())
            self._listening.close()
            self._listening = None

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        """Accept nothing for a while: this host has no descriptor left."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening.fileno())
        self._retry = loop.call_later(RETRY_INTERVAL, self._accept_later)
        if self._fault.record(reason := error_text(error)):
            logger.warning("The control socket accepts no connection: %s", reason)

    def _admit(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        try:
            peer = peer_of(connected)
            self._refuse_stranger(peer)
            self._refuse_crowd(peer)
        except RequestError as error:
            _send_refusal(connected, error, self._services.common_fields())
        except OSError:
            connected.close()
        else:
            self._serve(connected, peer)

    def _serve(self, connected: socket.socket, peer: Peer) -> asyncio.Task[None]:
        client = ClientConnection(connected, peer, self._services)
        task = asyncio.get_running_loop().create_task(client.serve())
        self._clients[task] = client
        task.add_done_callback(self._clients.pop)
        return task

    def _refuse_stranger(self, peer: Peer) -> None:
        if not self._allows(peer, Right.LOOK):
            raise RequestError(Code.FORBIDDEN, "this needs root or a member of controlgroup or statusgroup")

    def _refuse_crowd(self, peer: Peer) -> None:
        looking = sum(not self._allows(client.peer, Right.STEER) for client in self._clients.values())
        crowded = looking >= MAX_LOOKING and not self._allows(peer, Right.STEER)
        if crowded or len(self._clients) >= MAX_CLIENTS:
            raise RequestError(Code.BUSY, f"{len(self._clients)} clients are connected; close some of them")


def _send_refusal(connected: socket.socket, error: RequestError, fields: Answer) -> None:
    """Send an error and close the connection, without ever waiting."""
    with connected, suppress(OSError):
        connected.send("".join((*encode_pieces(error_fields(None, error, fields)), "\n")).encode())
