"""The name under which older plug-ins import ``ldirectord_py.checks.transport.datagram``."""

from __future__ import annotations

from ldirectord_py.checks.transport.datagram import Datagrams, connect
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer as Stray

__all__ = ["Datagrams", "Stray", "connect"]
