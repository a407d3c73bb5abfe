"""Limits on the checks that cost this host much: commands, and handshakes of TLS."""

from __future__ import annotations

from typing import Final

from ldirectord_py.runtime.limiter import Limiter

MAX_COMMANDS: Final = 50
"""Commands that run at once, unless ``maxexternal`` is set."""

MAX_HANDSHAKES: Final = 64
"""Handshakes at once in one process, which has one core: together they cost some 40 ms of CPU time."""


class CheckLimits:
    """The limits of one process."""

    __slots__ = ("commands", "handshakes")

    def __init__(self, max_commands: int = MAX_COMMANDS) -> None:
        self.commands = Limiter(max_commands)
        self.handshakes = Limiter(MAX_HANDSHAKES)
