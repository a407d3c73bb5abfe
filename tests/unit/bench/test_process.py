"""Processes and threads that end while they are looked at."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from bench.process import family


@contextmanager
def short_threads() -> Iterator[None]:
    """Let threads of this process begin and end all the time."""
    ended = Event()

    def begin_others() -> None:
        while not ended.is_set():
            others = [Thread(target=time.sleep, args=(0.0005,)) for _ in range(8)]
            for other in others:
                other.start()
            for other in others:
                other.join()

    beginners = [Thread(target=begin_others) for _ in range(3)]
    for beginner in beginners:
        beginner.start()
    try:
        yield
    finally:
        ended.set()
        for beginner in beginners:
            beginner.join()


def test_a_family_is_a_process_and_its_descendants_whatever_threads_end_meanwhile() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child, short_threads():
        for _ in range(300):
            found = family(os.getpid())
            assert (found[0], child.pid in found) == (os.getpid(), True)
        assert child.stdin is not None
        child.stdin.close()
