"""Keeping the numbers of the standard descriptors from other files and sockets."""

from __future__ import annotations

import os
from typing import Final

STANDARD: Final = (0, 1, 2)


def open_standard_descriptors() -> None:
    """Open the null device for each standard descriptor that is closed.

    Otherwise the lock or a socket would get its number: our output would go there, ``daemonize`` would replace it, and
    libuv ends the process when a descriptor of these numbers is closed.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) in STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
