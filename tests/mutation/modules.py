"""The modules that decide what is written to the kernel, each with the tests that have to notice a change of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

UNIT: Final = Path(__file__).parents[1] / "unit"

NEIGHBOURS: Final[Mapping[str, tuple[str, ...]]] = {
    "health": (),
    "plan": (),
    "damping": (),
    "slow_start": (),
    "ipvs.diff": (),
    "daemon.reconciler.drift": ("test_drift_rules",),
    "daemon.reconciler.manual_edits": ("test_drift",),
}
"""Each module, with test files of its folder beside the one that mirrors it."""


def files_of_tests(module: str) -> list[Path]:
    """Return the files of tests of a module: the one that mirrors it, and its neighbours."""
    *folders, name = module.split(".")
    return [UNIT.joinpath(*folders, f"{file}.py") for file in (f"test_{name}", *NEIGHBOURS[module])]
