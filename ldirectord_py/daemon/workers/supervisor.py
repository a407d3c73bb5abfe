"""One worker process and its checks: starts it, sends it assignments, receives its updates, and replaces it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.daemon.workers.messages import (
    Assignment,
    Limits,
    Update,
    decode_update,
    not_probed,
    read_message,
)
from ldirectord_py.daemon.workers.process import WorkerProcess
from ldirectord_py.runtime.respawning import run_again_and_again
from ldirectord_py.runtime.text import error_text

MAX_CHECKS_PER_MESSAGE: Final = 500
"""About 10 ms of encoding."""

SILENCE_TIMEOUT: Final = 15.0
"""Seconds without a message; a worker that is silent for two of these is replaced."""

logger = logging.getLogger(__name__)


class WorkerSupervisor:
    """Keeps one worker process running that probes ``checks``, and calls ``report`` once for each result.

    If the process ends, a new one starts all checks again; probes in flight give no result. State: the checks by
    number, the changes that have not been sent, the probes out of turn and who waits for them, the process, and the
    ``counts`` of all processes so far.
    """

    def __init__(self, report: Callable[[Check, Result], None], limits: Limits) -> None:
        self.checks: dict[int, Check] = {}
        self.counts = ProbeCounts()
        self._report = report
        self._limits = limits
        self._added: dict[int, Check] = {}
        self._removed: list[int] = []
        self._at_once: list[tuple[int, int]] = []
        self._awaited: dict[int, asyncio.Future[Result]] = {}
        self._last_probe = 0
        self._changed = asyncio.Event()
        self._process: WorkerProcess | None = None
        self._task = asyncio.create_task(run_again_and_again(self._run_process, self._report_end))

    @property
    def pid(self) -> int | None:
        """The process, None while there is none."""
        return self._process.pid if self._process else None

    def add(self, number: int, check: Check) -> None:
        """Add a check."""
        self.checks[number] = self._added[number] = check
        self._changed.set()

    def remove(self, number: int) -> None:
        """Remove a check."""
        del self.checks[number]
        if self._added.pop(number, None) is None:
            self._removed.append(number)
            self._changed.set()

    async def probe_number(self, number: int) -> Result:
        """Return the result of a probe of a check at once; it has no verdict if the process ends meanwhile."""
        self._last_probe += 1
        probe = self._last_probe
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._awaited[probe] = result
        self._at_once.append((probe, number))
        self._changed.set()
        try:
            return await result
        finally:
            self._awaited.pop(probe, None)

    def set_limits(self, limits: Limits) -> None:
        """Set other limits."""
        if limits != self._limits:
            self._limits = limits
            self._changed.set()

    async def close(self) -> None:
        """End the process and its probes, within twice EXIT_TIMEOUT."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._give_up_probes()

    def _report_end(self, reason: str, when: str) -> None:
        logger.warning("%s; its %d checks go to a new one%s", reason, len(self.checks), when)

    async def _run_process(self) -> str:
        """Run one worker process to its end; returns a description of the end."""
        ours = None
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = WorkerProcess(theirs)
        except OSError as error:
            if ours is not None:
                ours.close()
            return f"A worker process cannot be started: {error_text(error)}"
        self._added, self._removed = dict(self.checks), []
        self._changed.set()
        reason = end = ""
        try:
            reason = await self._exchange_messages(ours)
        except Exception:  # a fault in an update must not leave the checks without a worker
            logger.exception("A fault in the messages with worker process %s", self.pid)
            reason = "is given up"
        finally:
            ours.close()
            self._give_up_probes()
            end = await self._process.reap()
            worker, self._process = f"Worker process {self._process.pid}", None
        return f"{worker} {reason or end}"

    def _give_up_probes(self) -> None:
        """End the probes out of turn: the process that does them ends."""
        self._at_once.clear()
        for result in self._awaited.values():
            if not result.done():
                result.set_result(not_probed("the worker process ended meanwhile"))

    async def _exchange_messages(self, ours: socket.socket) -> str:
        """Send and receive until the worker ends or is given up; returns why it is given up, "" if it has ended."""
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(self._send_assignments(writer))
                reason = await self._receive_updates(reader)
                sending.cancel()
        finally:
            writer.transport.abort()
        return reason

    async def _send_assignments(self, writer: asyncio.StreamWriter) -> None:
        """Send each change to the worker, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            for assignment in self._next_assignments():
                with suppress(OSError):  # the receiver notices that the worker has ended
                    writer.write(assignment.encode())
                    await writer.drain()

    def _next_assignments(self) -> Iterator[Assignment]:
        level = logging.getLogger(__package__).getEffectiveLevel()
        while True:
            added = list(islice(self._added.items(), MAX_CHECKS_PER_MESSAGE))
            for number, _ in added:
                del self._added[number]
            removed, self._removed = self._removed, []
            complete = not self._added
            at_once: list[tuple[int, int]] = []
            if complete:
                at_once, self._at_once = self._at_once, []
            yield Assignment(added, removed, self._limits, level, complete, at_once)
            if complete:
                return

    async def _receive_updates(self, reader: asyncio.StreamReader) -> str:
        """Apply updates until the connection ends; returns "" then, or the reason to give the worker up."""
        timeouts = 0
        reading = asyncio.create_task(read_message(reader))
        try:
            while timeouts < 2:  # the first timeout may be due to a pause of this process
                if (await asyncio.wait({reading}, timeout=SILENCE_TIMEOUT))[0]:
                    self._apply(decode_update(reading.result()))
                    reading, timeouts = asyncio.create_task(read_message(reader)), 0
                else:
                    timeouts += 1
        except (EOFError, OSError):
            return ""
        except (ValueError, TypeError):
            return "sends malformed messages"
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return f"has been silent for {2 * SILENCE_TIMEOUT:g} s"

    def _apply(self, update: Update) -> None:
        for level, name, text in update.log_lines:
            logging.getLogger(name).log(level, "%s", text)
        if self._process:
            self._process.commands = update.groups
        self.counts = self.counts.plus(update.counts)
        for number, result in update.results:
            if (check := self.checks.get(number)) is not None:
                self._report(check, result)
        for number, result in update.at_once:
            if (awaited := self._awaited.get(number)) is not None and not awaited.done():
                awaited.set_result(result)
