"""Standard descriptors that are open, so that no other file or socket gets their numbers."""

from __future__ import annotations

import os
from typing import Final

STANDARD: Final = (0, 1, 2)


def open_standard_descriptors() -> None:
    """Open the null device for each standard descriptor that whoever started this process has closed.

    Else the lock or a socket would be taken for one: it would get our output, or be replaced in the background, and
    libuv ends the process when such a one is closed.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) in STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
