"""The name under which older plug-ins import ``ldirectord_py.checks.progress``."""

from __future__ import annotations

from ldirectord_py.checks.progress import LOOKUP, NO_TLS, NOT_CONNECTED
from ldirectord_py.checks.progress import progress as phase
from ldirectord_py.checks.progress import set_progress as reached

__all__ = ["LOOKUP", "NOT_CONNECTED", "NO_TLS", "phase", "reached"]
