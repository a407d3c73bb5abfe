"""All known bugs; importing this adds them to the table."""

from __future__ import annotations

from simulation.known_bugs import in_probing  # noqa: F401  this adds its bugs
from simulation.known_bugs.table import KNOWN_BUGS, KnownBug

__all__ = ["KNOWN_BUGS", "KnownBug"]
