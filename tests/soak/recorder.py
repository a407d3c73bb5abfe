"""What is measured within a process: the lag of its loop, its tasks, the checks that began.

``python -m soak.recorder FILE`` measures a process that does nothing else: how late this host wakes sleepers.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple, NoReturn

import uvloop

from harness.host import ROOT, program_path
from harness.lab.namespace import end

SAMPLE_INTERVAL: Final = 0.01
"""Seconds between two samples of the lag."""

LINE_INTERVAL: Final = 1.0
"""Seconds between two lines."""


class Line(NamedTuple):
    """A line of the file: when it was written, how many tasks there were, what began since the last line, and lags."""

    at: float
    tasks: int
    begun: int
    lags: Sequence[float]
    """In milliseconds."""


def lines(file: Path) -> list[Line]:
    """Return the lines of a file; the last one may be half written."""
    whole, _, _ = file.read_text().rpartition("\n")
    return [Line(*json.loads(line)) for line in whole.splitlines()]


class Recorder:
    """Its state: what came since the last line. It keeps nothing longer, so that it does not grow itself."""

    def __init__(self, file: Path) -> None:
        self.begun = 0
        self._lags: list[float] = []
        self._file = file.open("a")

    async def run(self) -> NoReturn:
        """Measure, for ever."""
        written = monotonic()
        while True:
            due = monotonic() + SAMPLE_INTERVAL
            await asyncio.sleep(SAMPLE_INTERVAL)
            now = monotonic()
            self._lags.append(round(1000 * max(0.0, now - due), 2))
            if now - written >= LINE_INTERVAL:
                written = now
                self._write(now)

    def _write(self, now: float) -> None:
        line = Line(now, len(asyncio.all_tasks()), self.begun, self._lags)
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        self.begun = 0
        self._lags.clear()


@contextmanager
def idle_process(file: Path) -> Iterator[Path]:
    """Run a process that does nothing else than to write its lines; yield their file."""
    environment = {"PATH": program_path(), "PYTHONPATH": str(ROOT / "tests")}
    process = subprocess.Popen([sys.executable, "-m", "soak.recorder", str(file)], env=environment)
    try:
        yield file
    finally:
        end(process)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Recorder(Path(sys.argv[1])).run())
