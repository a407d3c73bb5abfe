"""The state file of an instance: read once at the start, written in a thread at most once a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from ldirectord_py.daemon.administration.files import keep_aside, read_file, write_file
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.text import error_text
from ldirectord_py.runtime.threads import DaemonThreads
from ldirectord_py.runtime.waiting import wait_until_set
from ldirectord_py.saved_state import DamagedStateError, SavedState, with_section

logger = logging.getLogger(__name__)

WRITE_INTERVAL: Final = 1.0
"""Seconds between two writes."""

DISK_TIMEOUT: Final = 5.0
"""Seconds for a read or a write."""

RETRY_INTERVAL: Final = 30.0
"""Seconds after which a write that failed is tried again."""

MAX_REPORTED: Final = 5
"""Faults of one file that are logged."""

Maker = Callable[[], Any]
"""Makes a section; it is called in a thread."""

Snapshot = Callable[[], Maker]
"""Takes, at once, what a section is made of, and returns its maker."""


class StateFile:
    """The sections of a state file. A file that cannot be read or written is logged once, and is never fatal.

    Its state: the sections, the sources of those that are made for each write, the numbers of their versions that are
    ``wanted``, ``tried`` and ``written``, whether the file may be written, and why it cannot be now.
    """

    def __init__(self, path: Path, instance: str) -> None:
        self.path = path
        self._instance = instance
        self._threads = DaemonThreads("state", 1)
        self._state = SavedState()
        self._sources: dict[str, Snapshot] = {}
        self._wanted = self._tried = self._written = 0
        self._may_write = False
        self._changed = asyncio.Event()
        self._attempted = asyncio.Event()
        self._fault = OngoingFault()

    async def read(self) -> None:
        """Read the file; one that is damaged or not this daemon's is moved aside and logged."""
        try:
            self._state = await self._threads.run(lambda: read_file(self.path, self._instance), DISK_TIMEOUT)
            self._may_write = True
        except DamagedStateError as fault:
            await self._keep_aside(str(fault))
        except OSError as error:
            self._log_unused(f"it cannot be read: {_reason(error)}; it is left as it is, and nothing is written to it")

    def section(self, name: str) -> Any:
        """Return a section; None where there is none."""
        return self._state.sections.get(name)

    def set_section(self, name: str, section: Any) -> None:
        """Set a section, which must not be changed any more; it is written soon."""
        self._state = with_section(self._state, name, section)
        self.mark_changed()

    def add_source(self, name: str, snapshot: Snapshot) -> None:
        """Let a section be made anew for each write; ``mark_changed`` says that it has to be written."""
        self._sources[name] = snapshot

    def mark_changed(self) -> None:
        """Have the file written soon."""
        self._wanted += 1
        self._changed.set()

    async def report_section(self, faults: tuple[str, ...]) -> None:
        """Log what is wrong with a section, and keep a copy of the file."""
        if faults:
            await self._keep_aside(_listed(faults), copy=True)

    def report_left_out(self, faults: tuple[str, ...]) -> None:
        """Log what is wrong with a section that is dispensable, and that the next write replaces."""
        if faults:
            self._log_unused(f"{_listed(faults)}; this is left out")

    async def saved(self, seconds: float) -> str:
        """Wait for the sections to be on the disk; return why they are not, else an empty text."""
        wanted = self._wanted
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._may_write and self._tried < wanted:
                    self._attempted.clear()
                    await self._attempted.wait()
        if not self._may_write:
            return f"{self.path} is not written, see the log"
        if self._written >= wanted:
            return ""
        return self._fault.reason or f"{self.path} was not written within {seconds:g} s"

    async def run(self) -> NoReturn:
        """Write the sections when they change, for ever."""
        retry = None
        while True:
            await wait_until_set(self._changed, retry)
            self._changed.clear()
            retry = None if await self.write(DISK_TIMEOUT) else RETRY_INTERVAL
            await asyncio.sleep(WRITE_INTERVAL)

    async def write(self, seconds: float) -> bool:
        """Write the sections that are not on the disk, within so many seconds; return whether all are."""
        version, fault = self._wanted, ""
        if not self._may_write or version == self._written:
            return True
        state, makers = self._state, {name: snapshot() for name, snapshot in self._sources.items()}
        try:
            await self._threads.run(lambda: write_file(self.path, _with_made(state, makers), self._instance), seconds)
            self._written = version
        except (OSError, ValueError) as error:  # TimeoutError too
            fault = f"{self.path} cannot be written: {_reason(error)}"
        self._log(fault)
        self._tried = version
        self._attempted.set()
        return not fault

    async def _keep_aside(self, fault: str, *, copy: bool = False) -> None:
        try:
            place = await self._threads.run(lambda: keep_aside(self.path, copy=copy), DISK_TIMEOUT)
        except OSError as error:
            self._may_write = False
            self._log_unused(f"{fault}; it cannot be kept aside: {_reason(error)}, so nothing is written to it")
        else:
            self._may_write = True
            self._log_unused(f"{fault}; it is kept as {place}")

    def _log_unused(self, fault: str) -> None:
        logger.error("State file %s: %s", self.path, fault)

    def _log(self, fault: str) -> None:
        """Log a new fault once, and once that it is over."""
        if fault:
            if self._fault.record(fault):
                logger.error("What lasts over a restart is not saved: %s", fault)
        elif self._fault.clear():
            logger.info("What lasts over a restart is saved again: %s is written", self.path)


def _listed(faults: tuple[str, ...]) -> str:
    more = f"; and {len(faults) - MAX_REPORTED} more faults" if len(faults) > MAX_REPORTED else ""
    return "; ".join(faults[:MAX_REPORTED]) + more


def _with_made(state: SavedState, makers: Mapping[str, Maker]) -> SavedState:
    """Return the state with the sections that are made for this write; a fault of ours in one costs only that one."""
    for name, make in makers.items():
        try:
            state = with_section(state, name, make())
        except Exception:
            logger.exception("The section %s of the state file could not be made", name)
    return state


def _reason(error: Exception) -> str:
    slow = f"its disk did not answer within {DISK_TIMEOUT:g} s"
    return slow if isinstance(error, TimeoutError) else error_text(error)
