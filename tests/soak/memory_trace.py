"""Which code holds the memory that a soaked daemon gains: measured within it, by ``make soak TRACE=yes``.

A daemon that is traced needs several times the processor, and memory of its own for the traces: its RSS says nothing.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import re
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

FRAMES: Final = 4
"""Calls that are kept of each allocation."""

MAX_PLACES: Final = 25
"""Places that are printed."""

REPORT_INTERVAL: Final = 60.0
"""Seconds between two reports, of which the last one stays."""

_IGNORED: Final = (tracemalloc.Filter(inclusive=False, filename_pattern=tracemalloc.__file__),)


_MALLOC_FIELDS: Final = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class MallocStatistics(ctypes.Structure):
    """What ``mallinfo2`` returns, in bytes; named as there."""

    _fields_ = [(name, ctypes.c_size_t) for name in _MALLOC_FIELDS]


class MemoryTrace:
    """Its state: what was allocated when all had settled."""

    def __init__(self, file: Path, settle: float) -> None:
        """Begin to trace; ``settle``: seconds until the first snapshot."""
        tracemalloc.start(FRAMES)
        self._file = file
        self._settle = settle

    async def run(self) -> NoReturn:
        """Write a report now and then, for ever."""
        await asyncio.sleep(self._settle)
        before, level = _snapshot(), _levels()
        while True:
            await asyncio.sleep(REPORT_INTERVAL)
            lines = (f"first: {level}", f"last:  {_levels()}", *_growth(before, _snapshot()))
            self._file.write_text("\n".join(lines) + "\n")


def _snapshot() -> tracemalloc.Snapshot:
    gc.collect()
    return tracemalloc.take_snapshot().filter_traces(_IGNORED)


def _growth(before: tracemalloc.Snapshot, now: tracemalloc.Snapshot) -> Iterator[str]:
    """Yield where memory was allocated that is new, the most first."""
    for each in now.compare_to(before, "traceback")[:MAX_PLACES]:
        calls = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(each.traceback))
        yield f"{each.size_diff / 1e3:+9.1f} kB {each.count_diff:+7d} blocks  {calls}"


def _levels() -> str:
    """Return how much memory Python's objects take, its arenas hold, and malloc has."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = MallocStatistics
    malloc = libc.mallinfo2()
    figures = {
        "traced": tracemalloc.get_traced_memory()[0],
        "of the traces": tracemalloc.get_tracemalloc_memory(),
        "arenas of Python": _arenas(),
        "used of malloc": malloc.uordblks + malloc.hblkhd,
        "held by malloc": malloc.arena + malloc.hblkhd,
    }
    return ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in figures.items())


def _arenas() -> int:
    """Return the bytes of the arenas of Python's allocator, which it prints to standard error only."""
    before = os.dup(2)
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 2)
        try:
            sys._debugmallocstats()
        finally:
            os.dup2(before, 2)
            os.close(before)
        printed.seek(0)
        found = re.search(rb"(\d+) arenas \* (\d+) bytes/arena", printed.read())
    return int(found[1]) * int(found[2]) if found else 0
