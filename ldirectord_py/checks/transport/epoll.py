"""One epoll instance for the sockets of all checks; the event loop watches its descriptor only."""

from __future__ import annotations

import asyncio
import select
from typing import Protocol

from ldirectord_py.runtime.loop_local import LoopLocal

EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
"""Both directions in one registration: each change is reported once, so users read and write until EAGAIN."""

FAILURE = select.EPOLLERR | select.EPOLLHUP
"""The events of a socket that has an error."""

READABLE = ~select.EPOLLOUT
"""The events after which a read returns something: data, the end of the connection, or an error."""


class Watched(Protocol):
    """The owner of a registered socket."""

    def on_events(self, events: int) -> None:
        """Handle events of epoll; must not raise."""


class Epoll:
    """Passes the events of each registered socket to its owner. Its state: the owners by descriptor.

    A closed socket leaves the kernel's list by itself, as no child keeps a copy: children are started by vfork, which
    lets no other Python code run before they have closed their copies.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._owners: dict[int, Watched] = {}
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._dispatch)

    def register(self, descriptor: int, owner: Watched) -> None:
        """Report the events of a socket from now on; raises OSError (ENOSPC) where the kernel can watch no more."""
        self._epoll.register(descriptor, EDGES)
        self._owners[descriptor] = owner

    def unregister(self, descriptor: int) -> None:
        """Report no more events of a socket that goes on without us."""
        del self._owners[descriptor]
        self._epoll.unregister(descriptor)

    def discard(self, descriptor: int) -> None:
        """Forget a socket that is about to be closed."""
        del self._owners[descriptor]

    def _dispatch(self) -> None:
        for descriptor, events in self._epoll.poll(0):
            if (owner := self._owners.get(descriptor)) is not None:
                owner.on_events(events)


current_epoll = LoopLocal(Epoll)
"""Returns the epoll instance of the running event loop."""
