"""How far the check of this task has come, for the reason of a timeout and for the code of every result."""

from __future__ import annotations

from contextvars import ContextVar

_PHASE: ContextVar[str] = ContextVar("phase", default="")

# Reason codes are derived from these; every other progress is one within the protocol of the service.
LOOKUP = "the name lookup has not ended"
NOT_CONNECTED = "not connected"
CONNECTED = "connected"
NO_ECHO = "no echo reply"
NO_TLS = "no TLS connection"
NO_HANDSHAKE = "connected, TLS handshake not done"
TLS_DONE = "TLS handshake done"
NO_DATA_CONNECTION = "connected, no connection for data"
NO_COMMAND = "the command has not"
NO_COMMAND_START = f"{NO_COMMAND} started"
NO_COMMAND_END = f"{NO_COMMAND} ended"
RESERVATION = "passed with a reservation"
NOT_PROBED = "nothing is probed"


def set_progress(phase: str) -> None:
    """Set how far the running check has come, such as ``connected, no greeting``."""
    _PHASE.set(phase)


def progress() -> str:
    """Return how far the running check has come, or ""."""
    return _PHASE.get()
