"""Signals that arrive before the daemon has its handlers, or after it has removed them.

::

    install_early_handlers --> block ------------> unblock ----------------> block --> end of the process
      reload: remembered         all: delivered      the daemon's handlers     all: never delivered
      stop: ends at once         after unblock
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

RELOAD_SIGNAL: Final = signal.SIGHUP
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
HANDLED: Final = frozenset({RELOAD_SIGNAL, *STOP_SIGNALS})

_early: set[int] = set()


def install_early_handlers() -> None:
    """Remember RELOAD_SIGNAL from now on, and end on STOP_SIGNALS, SIGQUIT without a core dump. For the main thread.

    SIGTERM needs a handler only in the first process of a container, which ignores signals without one.
    """
    signal.signal(RELOAD_SIGNAL, lambda number, _: _early.add(number))
    for number in (signal.SIGINT, signal.SIGQUIT):  # a shell makes background jobs ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, _exit)


def ignore_reload() -> None:
    """Ignore RELOAD_SIGNAL from now on: without the handlers, which end with the interpreter, it would kill."""
    signal.signal(RELOAD_SIGNAL, signal.SIG_IGN)


def block() -> None:
    """Block all of HANDLED until ``unblock``."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)


def unblock() -> bool:
    """Deliver the blocked signals; return whether RELOAD_SIGNAL arrived before ``block``."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    reload = RELOAD_SIGNAL in _early
    _early.clear()
    return reload


@contextmanager
def blocked() -> Iterator[None]:
    """Block the signals in this thread within the context, and in processes started there until they unblock them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _exit(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
