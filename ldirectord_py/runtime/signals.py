"""Signals that come before a daemon handles them, or when it no longer does.

::

    catch_early ---> hold -----------> release ------------------> hold ---> end of the process
     reload: remembered  all: delivered    the daemon's own handlers   all: never delivered
     stop: ends at once       at release
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
    """Remember a RELOAD from now on, and end when told to STOP, SIGQUIT without a core dump. For the main thread.

    SIGTERM needs a handler only in the first process of a container, which ignores signals without one.
    """
    signal.signal(RELOAD_SIGNAL, lambda number, _: _early.add(number))
    for number in (signal.SIGINT, signal.SIGQUIT):  # a shell has jobs in the background ignore SIGINT
        signal.signal(number, signal.default_int_handler)
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, _exit)


def ignore_reload() -> None:
    """Ignore a RELOAD from now on: at the end of the interpreter the handlers go, and it would kill."""
    signal.signal(RELOAD_SIGNAL, signal.SIG_IGN)


def block() -> None:
    """Keep all of them from being delivered until ``release``."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)


def unblock() -> bool:
    """Deliver what was held; return whether a RELOAD came before that."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    came = RELOAD_SIGNAL in _early
    _early.clear()
    return came


@contextmanager
def blocked() -> Iterator[None]:
    """Hold them in this thread during the block, and in the processes that it starts until these release them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _exit(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
