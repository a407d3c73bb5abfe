"""One worker process and its share of the checks: started, told what to do, listened to, and replaced when it ends."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.daemon.workers.messages import Assignment, Limits, Update, decode_update, read_frame
from ldirectord_py.daemon.workers.process import WorkerProcess

AT_A_TIME: Final = 500
"""Checks that go into a frame: about 10 ms."""

SILENT: Final = 15.0
"""Seconds without a word after which a worker is suspected; after as many again it is replaced."""

STEADY: Final = 10.0
"""Seconds after which a worker that ends is replaced at once."""

AGAIN_AT_MOST: Final = 30.0
"""Seconds until the next attempt, in the end, where workers end as soon as they begin."""

logger = logging.getLogger(__name__)


class WorkerSupervisor:
    """A worker process that probes ``checks``, by number; ``report`` is told every result, none twice.

    Its state: the share, what of it has not been told, and the process. A process that ends is replaced: its checks
    begin anew, those in flight without a verdict.
    """

    def __init__(self, report: Callable[[int, Result], None], limits: Limits) -> None:
        self.checks: dict[int, Check] = {}
        self._report = report
        self._limits = limits
        self._begin: dict[int, Check] = {}
        self._end: list[int] = []
        self._news = asyncio.Event()
        self._employment: WorkerProcess | None = None
        self._employing = asyncio.create_task(self._employ_for_ever())

    @property
    def pid(self) -> int | None:
        """The process, None while there is none."""
        return self._employment.pid if self._employment else None

    def begin(self, number: int, check: Check) -> None:
        """Add a check."""
        self.checks[number] = self._begin[number] = check
        self._news.set()

    def end(self, number: int) -> None:
        """Remove a check."""
        del self.checks[number]
        if self._begin.pop(number, None) is None:
            self._end.append(number)
            self._news.set()

    def limit(self, limits: Limits) -> None:
        """Set other limits."""
        if limits != self._limits:
            self._limits = limits
            self._news.set()

    async def close(self) -> None:
        """End the process and its probes, within twice STOP_SECONDS."""
        self._employing.cancel()
        await asyncio.gather(self._employing, return_exceptions=True)

    async def _employ_for_ever(self) -> None:
        clock, wait = asyncio.get_running_loop().time, 0.0
        while True:
            began = clock()
            why = await self._employ()
            wait = 0.0 if clock() - began > STEADY else min(max(2 * wait, 0.5), AGAIN_AT_MOST)
            when = f" in {wait:g} s" if wait else ""
            logger.warning("%s; its %d checks go to a new one%s", why, len(self.checks), when)
            await asyncio.sleep(wait)

    async def _employ(self) -> str:
        """Return why the worker is no more, in words."""
        ours = None
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                self._employment = WorkerProcess(theirs)
        except OSError as error:
            if ours is not None:
                ours.close()
            return f"A worker process cannot be started: {error.strerror or error}"
        self._begin, self._end = dict(self.checks), []
        self._news.set()
        why = how = ""
        try:
            why = await self._converse(ours)
        except Exception:  # what a worker makes of us must not leave its checks without one
            logger.exception("A fault in what is said to worker process %s", self.pid)
            why = "is given up"
        finally:
            ours.close()
            how = await self._employment.reap()
            worker, self._employment = f"Worker process {self._employment.pid}", None
        return f"{worker} {why or how}"

    async def _converse(self, ours: socket.socket) -> str:
        """Return why it is over."""
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell(writer))
                why = await self._listen(reader)
                telling.cancel()
        finally:
            writer.transport.abort()
        return why

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        """Tell the worker what is new, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            for told in self._work():
                with suppress(OSError):  # its end is told where it is listened to
                    writer.write(told.frame())
                    await writer.drain()

    def _work(self) -> Iterator[Assignment]:
        level = logging.getLogger(__package__).getEffectiveLevel()
        while True:
            portion = list(islice(self._begin.items(), AT_A_TIME))
            for number, _ in portion:
                del self._begin[number]
            end, self._end = self._end, []
            whole = not self._begin
            yield Assignment(portion, end, self._limits, level, whole)
            if whole:
                return

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        """Return why we listen no more, nothing where there is nobody to listen to."""
        silent = 0
        reading = asyncio.create_task(read_frame(reader))
        try:
            while silent < 2:  # the first time it may be us who slept
                if (await asyncio.wait({reading}, timeout=SILENT))[0]:
                    self._take(decode_update(reading.result()))
                    reading, silent = asyncio.create_task(read_frame(reader)), 0
                else:
                    silent += 1
        except (EOFError, OSError):
            return ""
        except (ValueError, TypeError):
            return "talks nonsense"
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return f"has been silent for {2 * SILENT:g} s"

    def _take(self, told: Update) -> None:
        for level, name, text in told.lines:
            logging.getLogger(name).log(level, "%s", text)
        if self._employment:
            self._employment.commands = told.groups
        for number, result in told.results:
            if number in self.checks:
                self._report(number, result)
