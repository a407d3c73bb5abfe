"""Guards the loops of daemons that tests start as processes: what holds one is written into a file of the test."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.held_loop import TESTS
from harness.loop_guard import Held, LoopGuard
from harness.thread_times import Place

REPORT: Final = "LOOP_GUARD_REPORT"
"""The variable of the environment with the path of the file."""

STARTUP: Final = Path(__file__).with_name("guarded_daemon")
"""The folder of the module that Python runs as it starts."""


def guarded_environment() -> Mapping[str, str]:
    """Return what a daemon has to find in its environment to be guarded; nothing where no test asks for it."""
    report = os.environ.get(REPORT)
    return {} if report is None else {REPORT: report, "PYTHONPATH": f"{STARTUP}:{TESTS}"}


def guard_this_process() -> None:
    """Guard the loops of this thread from now on; raises OSError if the file of the test is out of reach."""
    report = os.open(os.environ[REPORT], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    LoopGuard(lambda held: os.write(report, _line(held))).start()


def _line(held: Held) -> bytes:
    return json.dumps([held.seconds, *held.places]).encode() + b"\n"


class HeldReports:
    """The file of a test process. Its state: how far it was read."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  until it is closed
        self.path = f"/proc/{os.getpid()}/fd/{self._file.fileno()}"

    def take(self) -> list[Held]:
        """Return what was written since the last call."""
        return [Held(seconds, [Place(*place) for place in places]) for seconds, *places in map(json.loads, self._file)]

    def close(self) -> None:
        """Delete it."""
        self._file.close()
