"""A worker process: a Prober for the checks that the director assigns to it.

Its argument is the digest of the director's source files, its standard input a socket. It ends when the socket is
closed, and so with the director; it ignores the signals that the director handles.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections import deque
from typing import Final

import uvloop

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.checktypes import command
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.daemon.probing.limited import limited_prober
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.daemon.workers.messages import Assignment, Update, decode_assignment, not_probed, read_message
from ldirectord_py.runtime import signals
from ldirectord_py.runtime.file_limit import max_checks, raise_limit
from ldirectord_py.runtime.garbage import freeze_survivors
from ldirectord_py.runtime.python_command import source_digest

SEND_DELAY: Final = 1 / 64
"""Seconds from the first result of an update until it is sent, together with further ones."""

HEARTBEAT_INTERVAL: Final = 1.0
"""Seconds after which an empty update is sent."""

MAX_UNSENT: Final = 1024 * 1024
"""Bytes that the director has not read; above it no probe begins, so that no result has to be dropped."""

MAX_LOG_LINES: Final = 1000
"""Log lines that wait to be sent; the oldest are dropped."""


class Worker(logging.Handler):
    """Probes the assigned checks and sends the results.

    Its state: the checks by number, the results and log lines that have not been sent, the counts that have, the limit
    of checks in flight, whether new probes are paused, and the probes out of turn.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._writer = writer
        self._check_limits = CheckLimits()
        self._prober = limited_prober(self._record, self._check_limits)
        self._descriptors = raise_limit()
        self._checks: dict[int, Check] = {}
        self._numbers: dict[Check, int] = {}
        self._results: list[tuple[int, Result]] = []
        self._at_once: list[tuple[int, Result]] = []
        self._probes: set[asyncio.Task[None]] = set()
        self._log_lines: deque[tuple[int, str, str]] = deque(maxlen=MAX_LOG_LINES)
        self._unsent = asyncio.Event()
        self._sent_counts = ProbeCounts()
        self._limit = 0
        self._paused = False
        command.GROUPS.changed = self._unsent.set

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Probe the assigned checks until the director closes the socket."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.send_updates())
                while True:
                    self.apply(decode_assignment(await read_message(reader)))
        except* (EOFError, OSError):
            pass  # the director has closed the socket
        finally:
            await self.stop()
            self._writer.transport.abort()

    def apply(self, assignment: Assignment) -> None:
        """Put an assignment of the director into effect."""
        for number in assignment.removed:
            self._checks.pop(number, None)
        self._checks.update(assignment.added)
        logging.getLogger().setLevel(assignment.log_level)
        self._check_limits.commands.limit = assignment.limits.external
        self._limit = max_checks(assignment.limits.checks, self._descriptors)
        self._set_in_flight_limit()
        if assignment.complete:
            self._numbers = {check: number for number, check in self._checks.items()}
            self._prober.set_checks(self._checks.values())
            freeze_survivors()
        for probe, number in assignment.at_once:
            task = asyncio.get_running_loop().create_task(self._probe_once(probe, self._checks.get(number)))
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)

    async def send_updates(self) -> None:
        """Send updates for ever; while the director does not read them, no probe begins."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_INTERVAL):
                    await self._unsent.wait()
                await asyncio.sleep(SEND_DELAY)
            except TimeoutError:
                pass
            self._unsent.clear()
            self._writer.write(self._pop_update().encode())
            if self._writer.transport.get_write_buffer_size() > MAX_UNSENT:
                self._set_paused(paused=True)
                await self._writer.drain()
                self._set_paused(paused=False)

    async def stop(self) -> None:
        """End all probes."""
        for task in self._probes:
            task.cancel()
        await asyncio.gather(self._prober.close(), *self._probes, return_exceptions=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a log line for the next update."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  a message that cannot be formatted must not fail the caller
            text = f"{record.msg} (its arguments do not fit)"
        self._log_lines.append((record.levelno, record.name, text))
        self._unsent.set()

    def _pop_update(self) -> Update:
        """Return and clear everything that has not been sent."""
        counts = self._prober.counts
        new = counts.minus(self._sent_counts)
        update = Update(self._results, list(self._log_lines), list(command.GROUPS), self._at_once, new)
        self._sent_counts = counts
        self._results, self._at_once = [], []
        self._log_lines.clear()
        return update

    def _set_paused(self, *, paused: bool) -> None:
        self._paused = paused
        self._set_in_flight_limit()

    def _set_in_flight_limit(self) -> None:
        self._prober.in_flight.limit = 0 if self._paused else self._limit

    async def _probe_once(self, probe: int, check: Check | None) -> None:
        result = await self._prober.probe_once(check) if check else not_probed("the check was removed meanwhile")
        self._at_once.append((probe, result))
        self._unsent.set()

    def _record(self, check: Check, result: Result) -> None:
        if (number := self._numbers.get(check)) is not None:
            self._results.append((number, result))
            self._unsent.set()


async def serve(ours: socket.socket) -> None:
    """Probe the assigned checks until the director closes the socket."""
    loop = asyncio.get_running_loop()
    for number in signals.HANDLED:
        loop.add_signal_handler(number, lambda: None)  # not SIG_IGN, which commands would inherit
    signals.unblock()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    worker = Worker(writer)
    logging.getLogger().addHandler(worker)
    try:
        await worker.run(reader)
    finally:
        signals.block()


def main() -> int:
    """Run the worker; returns 1 with a message if its source files are not those of the director."""
    if sys.argv[1:] != [source_digest()]:  # before the first message: other source files may read it differently
        print("the program on disk is not the daemon's any more: restart the daemon", file=sys.stderr)  # noqa: T201
        return 1
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(socket.socket(fileno=sys.stdin.fileno())))
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None  # the director logs the last line of the traceback
    return 0
