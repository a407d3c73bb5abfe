"""Who sends a request, as the log, the journal and the state file name them."""

from __future__ import annotations

import pwd
from typing import Final

from ldirectord_py.control.protocol import ControlRequest
from ldirectord_py.control.rights import ROOT, Peer
from ldirectord_py.runtime.threads import run_in_daemon_thread

USER_TIMEOUT: Final = 2.0
"""Seconds to look up the name of a user."""

MAX_USER_NAME: Final = 64
"""Characters of the name that a client of root gives for its user."""


async def who(request: ControlRequest) -> str:
    """Return the name of the peer's user.

    A client of root may say in ``sudo_user`` which user it acts for, which nobody can verify.
    """
    name = await _user_name(request.peer)
    claimed = request.text("sudo_user", "")
    if request.peer.uid == ROOT and 0 < len(claimed) <= MAX_USER_NAME and claimed.isprintable():
        return f"{name} (sudo: {claimed})"
    return name


async def _user_name(peer: Peer) -> str:
    try:
        return await run_in_daemon_thread(lambda: pwd.getpwuid(peer.uid).pw_name, USER_TIMEOUT)
    except (KeyError, OSError):  # TimeoutError too
        return f"user {peer.uid}"
