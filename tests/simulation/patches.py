"""What stands in for the world outside of the director; its clock is replaced in ``clock.py``.

These are sockets, threads, processes, the disk, the resolver, signals, random numbers, and what this host reports.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from ldirectord_py.checks.checktypes import command
from ldirectord_py.checks.protocols import dns_message
from ldirectord_py.checks.services import sip
from ldirectord_py.checks.transport import connection, datagram, epoll
from ldirectord_py.config import names
from ldirectord_py.control import server as control_server
from ldirectord_py.control.rights import Peer
from ldirectord_py.daemon import probe_dispatcher, run
from ldirectord_py.daemon.administration import state_file
from ldirectord_py.daemon.administration.files import write_file
from ldirectord_py.daemon.workers import supervisor, worker
from ldirectord_py.instance import sd_notify
from ldirectord_py.runtime import lookup, signals, stalls
from ldirectord_py.runtime.threads import DaemonThreads
from simulation.commands import SimulatedOutput

if TYPE_CHECKING:
    from simulation.world import World

MAX_FILES = 65_536


@contextmanager
def installed(world: World) -> Iterator[None]:
    """Let the package use the simulated world within the context."""
    sockets, selects = world.network.modules()
    resolving = SimpleNamespace(**{**vars(socket), "getaddrinfo": world.resolver.getaddrinfo})
    pairs = SimpleNamespace(**{**vars(socket), "socketpair": world.workers.pair})
    drawing = SimpleNamespace(
        randbelow=world.luck.randrange, token_hex=lambda size: f"{world.luck.getrandbits(8 * size):x}"
    )
    notifying = SimpleNamespace(**{**vars(socket), "socket": lambda *_: _NotifySocket(world)})

    def submit(pool: DaemonThreads, call: Any) -> Any:
        return world.threads.submit(pool, call)

    def write(path: Path, *arguments: Any) -> None:
        world.host.check_disk()
        write_file(path, *arguments)

    replaced: tuple[tuple[Any, str, object], ...] = (
        (command, "Child", world.commands.start),
        (command, "Output", SimulatedOutput),
        (connection, "socket", sockets),
        (datagram, "socket", sockets),
        (epoll, "select", selects),
        (names, "socket", resolving),
        (names, "wait", world.threads.wait),
        (lookup, "socket", resolving),
        (DaemonThreads, "submit", submit),
        (run, "Daemon", world.process.make_daemon),
        (signals, "unblock", world.host.early_hangup),
        (stalls, "_read_schedstat", world.host.schedstat),
        (state_file, "write_file", write),
        (probe_dispatcher, "raise_limit", lambda: MAX_FILES),
        (probe_dispatcher, "worker_command", lambda: ()),
        (worker, "raise_limit", lambda: MAX_FILES),
        (worker, "freeze_survivors", lambda: None),
        (supervisor, "WorkerProcess", world.workers.start),
        (supervisor, "socket", pairs),
        (dns_message, "secrets", drawing),
        (sip, "secrets", drawing),
        (sd_notify, "socket", notifying),
        (control_server, "listening_socket", world.operator.listening_socket),
        (control_server, "peer_of", lambda _: Peer(1, 0)),
        (control_server, "permit", lambda *_: None),
    )
    with ExitStack() as stack:
        for module, name, value in replaced:
            stack.enter_context(mock.patch.object(module, name, value))
        yield


class _NotifySocket:
    """Takes the messages to the service manager."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def sendto(self, message: bytes, _: str) -> None:
        if message.startswith(b"WATCHDOG"):
            self._world.checks.on_watchdog()
