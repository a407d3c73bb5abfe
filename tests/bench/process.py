"""What a process has cost so far, as the kernel counts it."""

from __future__ import annotations

import os
import time
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process: all its threads, and the children that it has reaped."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) * TICK  # utime, stime, cutime, cstime


def own_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, all its threads, without its children: in nanoseconds, not in ticks."""
    return time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3): the scheduler's clock of a process


def kernel_seconds(pid: int) -> float:
    """Return the CPU time that the kernel has spent for a process, all its threads included."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[12]) * TICK


def pss_bytes(pid: int) -> int:
    """Return the memory of a process, what it shares with others divided among them."""
    return sum(_rollup(pid, ("Pss:",)))


def rss_bytes(pid: int) -> int:
    """Return the memory of a process, what it shares with others included."""
    return sum(_rollup(pid, ("Rss:",)))


def family(pid: int) -> tuple[int, ...]:
    """Return a process and its descendants, as far as they live when they are looked at."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return (pid, *(one for task in tasks for child in _children(task) for one in family(child)))


def _children(task: Path) -> list[int]:
    try:
        return [int(word) for word in task.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # the thread has ended
        return []


def _rollup(pid: int, fields: tuple[str, ...]) -> list[int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return [int(line.split()[1]) * 1024 for line in lines if line.startswith(fields)]
