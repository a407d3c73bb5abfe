"""The process of the page: gives up its privileges, and only then imports what serves it.

Its arguments are the digest of the director's source files, the descriptor of the listening socket, and the user to
become; its standard input is a socket to the director. It ends when the director closes that.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from ldirectord_py.runtime.privileges import drop_privileges
from ldirectord_py.runtime.python_command import source_digest

NICENESS: Final = 5
OOM_SCORE: Final = "500"
"""Whoever lacks processor time or memory on this host, the director comes first."""


def main() -> int:
    """Serve the page; returns 1 with a message if the process cannot."""
    digest, number, user = sys.argv[1:]
    if digest != source_digest():
        return _fail("the program on disk is not the daemon's any more: restart the daemon")
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    try:
        drop_privileges(user)
    except KeyError:
        return _fail(f"there is no user {user}; see listenuser")
    except OSError as error:
        return _fail(f"cannot become the user {user}: {error}")
    try:
        serving = importlib.import_module("ldirectord_py.web.serve")
    except ImportError as error:
        return _fail(f"{error}: not installed, or the user {user} cannot read it; see listenuser")
    serving.run(socket.socket(fileno=sys.stdin.fileno()), socket.socket(fileno=int(number)))
    return 0


def _fail(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201  the director logs the last line
    return 1
