"""All known bugs by their names: ``make simulate BUG=NAME`` puts one back."""

from __future__ import annotations

from typing import Final

from simulation.known_bugs import in_probing, in_reconciler
from simulation.known_bugs.known_bug import KnownBug

_MODULES: Final = (in_probing, in_reconciler)

KNOWN_BUGS: Final[dict[str, KnownBug]] = {
    bug.name: bug for module in _MODULES for bug in vars(module).values() if isinstance(bug, KnownBug)
}
