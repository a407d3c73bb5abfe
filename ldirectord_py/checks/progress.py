"""How far the check of this task has come, for the reason of a timeout."""

from __future__ import annotations

from contextvars import ContextVar

_PHASE: ContextVar[str] = ContextVar("phase", default="")

NOT_CONNECTED = "not connected"
NO_TLS = "no TLS connection"
LOOKUP = "the name lookup has not ended"


def set_progress(phase: str) -> None:
    """Set how far the running check has come, such as ``connected, no greeting``."""
    _PHASE.set(phase)


def progress() -> str:
    """Return how far the running check has come, or ""."""
    return _PHASE.get()
