"""The command line of the simulation in a process of its own, whose clock is the simulated one for ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

TESTS: Final = Path(__file__).resolve().parent.parent


def simulation(*arguments: str, fails: bool = False) -> dict[str, Any]:
    """Return what came of all seeds; raises AssertionError where one fails, or with ``fails`` where none does."""
    command = (sys.executable, "-m", "simulation", "--json", *arguments)
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == int(fails), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
