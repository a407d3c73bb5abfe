"""The name under which older plug-ins import ``ldirectord_py.checks.transport.stream``."""

from __future__ import annotations

from ldirectord_py.checks.transport.stream import MAX_LINE as LIMIT
from ldirectord_py.checks.transport.stream import MAX_LINES as LINES
from ldirectord_py.checks.transport.stream import Stream, connect

__all__ = ["LIMIT", "LINES", "Stream", "connect"]
