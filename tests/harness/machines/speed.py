"""How slow this machine is: a fixed piece of work, timed, as a multiple of what an ordinary idle host takes."""

from __future__ import annotations

import os
import subprocess
import time
from functools import cache
from typing import Final

VARIABLE: Final = "MACHINE_SLOWNESS"
USUAL_SECONDS: Final = 0.1
PROGRAMS: Final = 20
ADDITIONS: Final = 1_000_000
USUAL_PROCESSOR_SECONDS: Final = 0.03
"""CPU time that an ordinary host takes for ADDITIONS."""

USUAL_LATENESS: Final = 4.0
"""How many times later things may be in a machine of the kernel tier; more only beside much other work."""


def measure() -> float:
    """Return the slowness of this machine now, at least 1: programs are started, and Python computes."""
    began = time.monotonic()
    for _ in range(PROGRAMS):
        subprocess.run(["/bin/true"], check=True)
    _add()
    return max(1.0, (time.monotonic() - began) / USUAL_SECONDS)


def processor_slowness() -> float:
    """Return the slowness of a processor now, at least 1, by CPU time: other work on it does not count."""
    began = time.thread_time()
    _add()
    return max(1.0, (time.thread_time() - began) / USUAL_PROCESSOR_SECONDS)


def _add() -> None:
    total = 0
    for number in range(ADDITIONS):
        total += number


@cache
def slowness() -> float:
    """Return the slowness as it was measured when the machine booted, or, on a host, at the first call."""
    return float(os.environ[VARIABLE]) if VARIABLE in os.environ else measure()


def slowness_now() -> float:
    """Return the slowness of this moment, if it is greater: other work on the host comes and goes."""
    return max(slowness(), measure())


def lateness(seconds: float) -> float:
    """Return how late something may be here that may be ``seconds`` late on an ordinary host."""
    return seconds * _allowed(slowness())


def lateness_now(seconds: float) -> float:
    """Return the same with ``slowness_now``."""
    return seconds * _allowed(slowness_now())


def _allowed(times: float) -> float:
    return max(min(times, USUAL_LATENESS), times / 2)
