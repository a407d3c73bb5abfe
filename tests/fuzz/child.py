"""``python -m fuzz.child NAME FLAG... FOLDER...``: runs one target under atheris until its time is over or it fails."""

from __future__ import annotations

import difflib
import sys
from typing import Final

import atheris

from fuzz.target import judge

UNTRACED: Final = [
    "ldirectord_py.checks.effort",
    "ldirectord_py.checks.progress",
    "ldirectord_py.errors",
    "ldirectord_py.runtime.text",
    "ldirectord_py.runtime.threads",
]
"""Modules whose branches say nothing of an input; with them, a run of http takes a quarter longer."""

with atheris.instrument_imports(include=["ldirectord_py"], exclude=UNTRACED):
    from fuzz.targets import TARGETS

SLOWER: Final = 10.0
"""How much more time an instrumented decoder may take."""


def main() -> None:
    """Run the target; does not return."""
    difflib.get_close_matches = lambda *_: []  # "did you mean" took a quarter of the time of config-cf
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, lambda data: judge(target, data, slower=SLOWER))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
