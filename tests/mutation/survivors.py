"""The mutants that no test kills, and why: files with their names, and below them, indented, one line of explanation.

HealthState.after: if verdict is _UP [-and-]{+or+} self.up:
HealthState.after: ...
    a short cut: the rest of the function comes to the same result
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "survivors"


def file_of(module: str) -> Path:
    """Return the file of a module's survivors; there is none where every mutant is killed."""
    return FOLDER / f"{module}.txt"


def explanations(module: str) -> dict[str, str]:
    """Return the explanation of each survivor of a module by its name."""
    file = file_of(module)
    return parse(file.read_text().splitlines()) if file.exists() else {}


def parse(lines: Iterable[str]) -> dict[str, str]:
    """Return the explanations in the lines of such a file; ValueError where a name has none."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in filter(None, lines):
        if not line.startswith(" "):
            names.append(line)
            continue
        if not names:
            raise ValueError(f"an explanation of nothing: {line}")
        found |= dict.fromkeys(names, line.strip())
        names = []
    if names:
        raise ValueError(f"without an explanation: {names}")
    return found
