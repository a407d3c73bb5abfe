"""The threads for the blocking and slow calls of checks."""

from __future__ import annotations

from typing import Final

from ldirectord_py.runtime.threads import DaemonThreads

THREADS: Final = DaemonThreads("check", 16)
"""For calls that end by themselves: patterns with a timeout, password hashes, imports."""

LOOKUPS: Final = DaemonThreads("check-lookup", 16)
"""For lookups of host names, which hang as long as the resolver does."""
