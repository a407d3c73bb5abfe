"""The kernel's own table, over generic netlink, without ever holding the event loop.

pyroute2 is not used for the family: its sockets bring an event loop of their own, 150 ms of import, and a lookup
is one message of 40 bytes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.netlink.session import NetlinkSession, NoFamilyError
from ldirectord_py.ipvs.netlink.socket import OpenSocket, open_socket
from ldirectord_py.ipvs.refusal import Refused, refused
from ldirectord_py.ipvs.table import Destination, DestinationKey, ServiceKey, Table
from ldirectord_py.runtime.child import Child
from ldirectord_py.runtime.garbage import gc_paused
from ldirectord_py.runtime.output import Output
from ldirectord_py.runtime.threads import DaemonThreads, watch

DEADLINE = 30.0
"""The longest that a call is waited for, in seconds: a kernel that loads modules may be slow."""
INLINE = 16
"""As many destinations are written at once on the event loop: about 0.07 ms each."""

_SILENT = f"the kernel has not answered for {DEADLINE:g} s: see dmesg"

T = TypeVar("T")
Load = Callable[[], Awaitable[str]]


async def modprobe() -> str:
    """Load ip_vs; return "" or why it cannot be loaded."""
    program = shutil.which("modprobe", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        return "there is no modprobe here"
    output = Output()
    try:
        child = Child((program, "ip_vs"), output.write, os.environ)
    except OSError as error:
        output.close()
        return f"modprobe does not start: {error.strerror}"
    try:
        output.started()
        async with asyncio.timeout(DEADLINE):
            status = await child.wait()
        return (output.last_line() or f"modprobe: exit status {status}") if status else ""
    except TimeoutError:
        await child.kill()
        return f"modprobe ip_vs did not end within {DEADLINE:g} s"
    except asyncio.CancelledError:
        await child.kill()
        raise
    finally:
        output.close()


class NetlinkKernel:
    """The IPVS table of the network namespace that the first call is made in.

    Its state is the session with the kernel, and the call that runs in a thread now, if any: one at a time.
    """

    def __init__(self, opener: OpenSocket = open_socket, load: Load = modprobe) -> None:
        self._open = opener
        self._load = load
        self._session: NetlinkSession | None = None
        self._running: Future[Any] | None = None
        self._threads = DaemonThreads("ipvs", 1)
        self._turn = asyncio.Lock()

    async def read(self) -> Table:
        """Return one consistent table, services before their destinations; KernelError when there is none."""
        with gc_paused():
            return await self._call(NetlinkSession.read)

    async def apply(self, ops: Sequence[Op]) -> Sequence[Refused]:
        """Write the ops in one batch and return those that were refused, in their order.

        KernelError when nothing can be written now.
        """
        if not ops:
            return []
        # A service may have the kernel load a scheduler, and an edited one wait for readers: 20 to 150 ms.
        inline = len(ops) <= INLINE and all(isinstance(op.row, Destination) for op in ops)
        outcome = await self._call(lambda session: session.write(ops), inline=inline)
        errors = outcome.errors
        if outcome.unclear:
            errors = await self._call(lambda session: session.confirm(ops, outcome))
        found = {position: refused(ops[position], error) for position, error in errors.items()}
        return [one for _, one in sorted((outcome.senseless | found).items())]

    async def connections(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        """Return how many connections and persistent clients the destinations of these services have; KernelError."""
        return await self._call(lambda session: session.connections(services))

    async def aclose(self) -> None:
        """Close the sockets, save under a call that has not come back; a later call opens others."""
        async with self._turn:
            if self._session is not None and self._is_idle:
                self._session.close()
                self._session = None

    async def _call(self, call: Callable[[NetlinkSession], T], *, inline: bool = False) -> T:
        async with self._turn:
            session = await self._ready()
            try:
                return call(session) if inline else await self._off_loop(lambda: call(session))
            except NoFamilyError:
                await self._find_family(session)
                return await self._off_loop(lambda: call(session))

    async def _ready(self) -> NetlinkSession:
        """Return the session, once no earlier call uses it any more and the family is known."""
        if not await self._idle():
            raise KernelError(_SILENT)
        if self._session is None:
            session = NetlinkSession(self._open)
            try:
                await self._find_family(session)
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session

    async def _find_family(self, session: NetlinkSession) -> None:
        """Ask for the family, which loads the module where the kernel can; else load it by hand and ask again."""
        try:
            await self._off_loop(session.resolve)
        except NoFamilyError:
            why = await self._load()
        else:
            return
        try:
            await self._off_loop(session.resolve)
        except NoFamilyError as error:
            raise KernelError(
                f"the kernel has no IPVS ({why or 'modprobe ip_vs did not help'}):"
                " load the module ip_vs as root, or install the modules of the running kernel"
            ) from error

    async def _off_loop(self, call: Callable[[], T]) -> T:
        """Return what the call returns, made in a thread that nothing waits for when it hangs or at exit."""
        try:
            self._running = running = self._threads.submit(call)
        except OSError as error:
            raise KernelError(f"no thread to speak to the kernel in: {error.strerror}") from error
        if not await self._idle():
            raise KernelError(_SILENT)
        try:
            return running.result()
        finally:
            del running  # its error refers to this frame

    async def _idle(self) -> bool:
        """Return whether no call is under way, after waiting for it for at most DEADLINE."""
        if self._running is not None and not self._running.done():
            await asyncio.wait([watch(self._running)], timeout=DEADLINE)
        return self._is_idle

    @property
    def _is_idle(self) -> bool:
        return self._running is None or self._running.done()
