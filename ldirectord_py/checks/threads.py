"""The threads in which checks do what blocks or takes long."""

from __future__ import annotations

from typing import Final

from ldirectord_py.runtime.threads import DaemonThreads

THREADS: Final = DaemonThreads("check", 16)
"""For calls that come back: patterns with a limit of time, passwords, imports."""

LOOKUPS: Final = DaemonThreads("check-lookup", 16)
"""For host names, which may hang for as long as the resolver does."""
