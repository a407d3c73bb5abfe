"""A worker process: a Monitor over its share of the checks. Its argument is the edition of the daemon, stdin a socket.

It ends when its socket does, and so with the director, however that ended; signals are the director's to heed.
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
from ldirectord_py.checks.registry import checker_for, turn_for
from ldirectord_py.daemon.probing.prober import Prober
from ldirectord_py.daemon.workers.messages import Assignment, Update, decode_assignment, read_frame
from ldirectord_py.runtime import signals
from ldirectord_py.runtime.file_limit import at_once, raise_limit
from ldirectord_py.runtime.garbage import freeze_survivors
from ldirectord_py.runtime.python_command import source_digest

TELL_EVERY: Final = 1 / 64
"""Seconds that results wait for others to go with them."""

ALIVE_EVERY: Final = 1.0
"""Seconds after which there is a word though there are no news."""

UNSENT: Final = 1024 * 1024
"""Bytes that wait for the director before no check begins any more, so that none of their results is lost."""

LINES: Final = 1000
"""Log lines that wait; of more the oldest are dropped."""


class Worker(logging.Handler):
    """Does what the director says; its state: the checks by number, and what it has not told yet."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._writer = writer
        self._monitor = Prober(self._note, checker_for, turn_for)
        self._descriptors = raise_limit()
        self._checks: dict[int, Check] = {}
        self._numbers: dict[Check, int] = {}
        self._results: list[tuple[int, Result]] = []
        self._lines: deque[tuple[int, str, str]] = deque(maxlen=LINES)
        self._told = asyncio.Event()
        self._limit = 0
        self._halted = False
        command.GROUPS.changed = self._told.set

    def apply(self, told: Assignment) -> None:
        """Follow what the director says from now on."""
        for number in told.end:
            self._checks.pop(number, None)
        self._checks.update(told.begin)
        logging.getLogger().setLevel(told.level)
        command.TURNS.limit = told.limits.external
        self._limit = at_once(told.limits.checks, self._descriptors)
        self._admit()
        if told.whole:
            self._numbers = {check: number for number, check in self._checks.items()}
            self._monitor.follow(self._checks.values())
            freeze_survivors()

    async def tell(self) -> None:
        """Send what there is to tell, for ever; while the director does not read, no check begins."""
        while True:
            try:
                async with asyncio.timeout(ALIVE_EVERY):
                    await self._told.wait()
                await asyncio.sleep(TELL_EVERY)
            except TimeoutError:
                pass
            self._told.clear()
            results, self._results = self._results, []
            lines = list(self._lines)
            self._lines.clear()
            self._writer.write(Update(results, lines, list(command.GROUPS)).frame())
            if self._writer.transport.get_write_buffer_size() > UNSENT:
                self._halted = True
                self._admit()
                await self._writer.drain()
                self._halted = False
                self._admit()

    async def end(self) -> None:
        """End all probes."""
        await self._monitor.close()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a log line."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  a message that cannot be formatted must not end its caller
            text = f"{record.msg} (its arguments do not fit)"
        self._lines.append((record.levelno, record.name, text))
        self._told.set()

    def _admit(self) -> None:
        """Let so many checks begin as may now."""
        self._monitor.in_flight.limit = 0 if self._halted else self._limit

    def _note(self, check: Check, result: Result) -> None:
        if (number := self._numbers.get(check)) is not None:
            self._results.append((number, result))
            self._told.set()


async def serve(ours: socket.socket) -> None:
    """Work until the director is gone."""
    loop = asyncio.get_running_loop()
    for number in signals.HANDLED:
        loop.add_signal_handler(number, lambda: None)  # not SIG_IGN, which commands would inherit
    signals.release()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    worker = Worker(writer)
    logging.getLogger().addHandler(worker)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.tell())
            while True:
                worker.apply(decode_assignment(await read_frame(reader)))
    except* (EOFError, OSError):
        pass  # the director is gone
    finally:
        await worker.end()
        writer.transport.abort()
        signals.hold()


def main() -> int:
    """Return when the director is gone; at once, and with a word, where that is another edition of this program."""
    if sys.argv[1:] != [source_digest()]:  # before it speaks: it may mean other things by the same bytes
        print("the program on disk is not the daemon's any more: restart the daemon", file=sys.stderr)  # noqa: T201
        return 1
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(socket.socket(fileno=sys.stdin.fileno())))
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None  # its last line is what the director tells
    return 0
