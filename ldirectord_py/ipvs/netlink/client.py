"""The kernel's own table, over generic netlink, without blocking the event loop.

pyroute2, which `doctor` uses, is not used here: it runs a separate event loop for its sockets, and takes 150 ms to
import.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from ldirectord_py.errors import KernelError, NoTableError
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.netlink.session import NetlinkSession, NoFamilyError
from ldirectord_py.ipvs.netlink.socket import OpenSocket, open_socket
from ldirectord_py.ipvs.refusal import Refused, refused
from ldirectord_py.ipvs.settings import EXPIRY
from ldirectord_py.ipvs.table import NOT_ENCODED, Destination, DestinationKey, EncodedRows, ServiceKey, Table, Usage
from ldirectord_py.runtime.child import Child
from ldirectord_py.runtime.garbage import gc_paused
from ldirectord_py.runtime.output import Output
from ldirectord_py.runtime.sysctl import write_sysctl
from ldirectord_py.runtime.text import error_text
from ldirectord_py.runtime.threads import DaemonThreads, run_in_daemon_thread, watch
from ldirectord_py.runtime.waiting import RunningTimeout

CALL_TIMEOUT: Final = 30.0
"""Seconds to wait for a call: a kernel that loads modules may be slow. Pauses of this host do not count."""
MAX_INLINE: Final = 16
"""Destinations that are written on the event loop itself: about 0.07 ms each."""

_SILENT = f"the kernel has not answered for {CALL_TIMEOUT:g} s: see dmesg"

Result = TypeVar("Result")
LoadModule = Callable[[], Awaitable[str]]


async def modprobe() -> str:
    """Load ip_vs; return "" or the reason why it cannot be loaded."""
    from shutil import which  # noqa: PLC0415  2 ms, and seldom needed

    program = which("modprobe", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        return "there is no modprobe here"
    output = Output()
    try:
        child = Child((program, "ip_vs"), os.environ, stdout=output.write)
    except OSError as error:
        output.close()
        return f"modprobe does not start: {error.strerror}"
    try:
        output.close_write_end()
        status = await child.wait_or_kill(CALL_TIMEOUT)
        if status is None:
            return f"modprobe ip_vs did not end within {CALL_TIMEOUT:g} s"
        return (output.last_line() or f"modprobe: exit status {status}") if status else ""
    finally:
        output.close()


class NetlinkKernel:
    """The IPVS table of the network namespace of the first call.

    Its state is the session with the kernel, and the call that runs in a thread now, if any: one at a time.
    """

    def __init__(self, opener: OpenSocket = open_socket, load_module: LoadModule = modprobe) -> None:
        self._opener = opener
        self._load_module = load_module
        self._session: NetlinkSession | None = None
        self._running: Future[Any] | None = None
        self._threads = DaemonThreads("ipvs", 1)
        self._lock = asyncio.Lock()

    async def read(self) -> Table:
        """Return one consistent table, services before their destinations; KernelError when there is none."""
        with gc_paused():
            return await self._call(NetlinkSession.read)

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        """Write the ops in one batch and return those that were refused, in their order.

        Rows of ``encoded`` are neither validated nor encoded again. KernelError when nothing can be written now.
        """
        if not ops:
            return []
        # A service may make the kernel load a scheduler, or wait for its readers: 20 to 150 ms.
        inline = len(ops) <= MAX_INLINE and all(isinstance(op.row, Destination) for op in ops)
        outcome = await self._call(lambda session: session.write(ops, encoded), inline=inline)
        errors = outcome.errors
        if outcome.needs_confirmation:
            errors = await self._call(lambda session: session.confirm(ops, outcome))
        found = {position: refused(ops[position], error) for position, error in errors.items()}
        return [one for _, one in sorted((outcome.invalid | found).items())]

    async def connections(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        """Return how many connections and persistent clients the destinations of these services have; KernelError."""
        return {key: used.connections for key, used in (await self.usage(services)).items()}

    async def usage(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, Usage]:
        """Return the weight and the connections of the destinations of these services; KernelError."""
        return await self._call(lambda session: session.usage(services))

    async def set_expiry(self, *, on: bool) -> Collection[str]:
        """End what clients have with servers that are gone or down (``on``), or let it be; return the changed settings.

        KernelError when they cannot be set.
        """
        try:
            return await run_in_daemon_thread(partial(_write_expiry, int(on)), CALL_TIMEOUT)
        except TimeoutError as error:
            raise KernelError(_SILENT) from error
        except OSError as error:
            raise KernelError(f"{error.filename or 'the settings of IPVS'}: {error_text(error)}") from error

    async def aclose(self) -> None:
        """Close the sockets, unless a call still uses them; a later call opens others."""
        async with self._lock:
            if self._session is not None and self._is_idle:
                self._session.close()
                self._session = None

    async def _call(self, call: Callable[[NetlinkSession], Result], *, inline: bool = False) -> Result:
        async with self._lock:
            session = await self._ready()
            try:
                return call(session) if inline else await self._off_loop(lambda: call(session))
            except NoFamilyError:
                await self._find_family(session)
                return await self._off_loop(lambda: call(session))

    async def _ready(self) -> NetlinkSession:
        """Return the session, once no earlier call uses it and the family is known."""
        if not await self._idle():
            raise KernelError(_SILENT)
        if self._session is None:
            session = NetlinkSession(self._opener)
            try:
                await self._find_family(session)
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session

    async def _find_family(self, session: NetlinkSession) -> None:
        """Resolve the family, for which the kernel loads the module if it can; else load it and resolve again."""
        try:
            await self._off_loop(session.resolve)
        except NoFamilyError:
            reason = await self._load_module()
        else:
            return
        try:
            await self._off_loop(session.resolve)
        except NoFamilyError as error:
            raise NoTableError(
                f"the kernel has no IPVS ({reason or 'modprobe ip_vs did not help'}):"
                " load the module ip_vs as root, or install the modules of the running kernel"
            ) from error

    async def _off_loop(self, call: Callable[[], Result]) -> Result:
        """Return the result of a call in a daemon thread, for which nothing waits when it hangs or at exit."""
        try:
            self._running = running = self._threads.submit(call)
        except OSError as error:
            raise KernelError(f"no thread for the calls to the kernel: {error.strerror}") from error
        if not await self._idle():
            raise KernelError(_SILENT)
        try:
            return running.result()
        finally:
            del running  # its exception refers to this frame

    async def _idle(self) -> bool:
        """Wait for a call under way, at most CALL_TIMEOUT; return whether none is left."""
        if self._running is not None and not self._running.done():
            with suppress(TimeoutError):
                async with RunningTimeout(CALL_TIMEOUT):
                    await watch(self._running)
        return self._is_idle

    @property
    def _is_idle(self) -> bool:
        return self._running is None or self._running.done()


def _write_expiry(value: int) -> list[str]:
    """Write the settings, and return those that changed; raises OSError."""
    return [name for name in EXPIRY if write_sysctl(name, value)]
