"""Loading the configuration of a command."""

from __future__ import annotations

import sys
from pathlib import Path

from ldirectord_py.config.load import load
from ldirectord_py.config.parse import Parsed


def load_with_warnings(path: Path) -> Parsed:
    """Return the configuration of a file, and print its warnings to standard error; raises ConfigError."""
    loaded = load(path)
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
    return loaded
