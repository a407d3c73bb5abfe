"""Mutants in processes of their own, each of which says the number of a test before it runs it."""

from __future__ import annotations

import os
import resource
import signal
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

FIRST_TEST_TIMEOUT: Final = 60.0
"""Seconds until the first test of a mutant begins."""

TEST_TIMEOUT: Final = 5.0
"""Seconds for a test of a mutant, beyond SLOWER times what it takes on the module itself: some loops never end."""

SLOWER: Final = 20

MAX_BYTES: Final = 4 << 30
"""Address space of a mutant: some lists grow for ever."""


class NotTriedError(Exception):
    """No test of a mutant began: that is a fault of how it is run, and says nothing of the tests."""


class Fork(NamedTuple):
    """The id of a process, and the connection for what it sends."""

    pid: int
    connection: Connection


def forked(run: Callable[[Connection], None]) -> Fork:
    """Start a process that prints nothing; it sends its traceback if ``run`` raises."""
    ours, theirs = Pipe(duplex=False)
    if pid := os.fork():
        theirs.close()
        return Fork(pid, ours)
    try:
        ours.close()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        run(theirs)
    except BaseException:  # noqa: BLE001  whatever it is, the process ends
        theirs.send(traceback.format_exc())
    finally:
        os._exit(0)


def killer(mutant: Fork, seconds: Sequence[float]) -> int | None:
    """Wait for the end of a mutant; return the number of the test that failed or took too long, None if none did.

    ``seconds``: how long each test takes without a mutant. Raises NotTriedError where no test began.
    """
    number: int | None = None
    reason, limit = "it ended, or took too long", FIRST_TEST_TIMEOUT
    try:
        while mutant.connection.poll(limit):
            match mutant.connection.recv():
                case int(number):
                    limit = TEST_TIMEOUT + SLOWER * seconds[number]
                case str(reason):
                    break
                case _:
                    return None
        os.kill(mutant.pid, signal.SIGKILL)
    except EOFError:
        pass
    finally:
        os.waitpid(mutant.pid, 0)
        mutant.connection.close()
    if number is None:
        raise NotTriedError(f"no test of a mutant began: {reason}")
    return number
