"""Processes that run a module of this very program, wherever their Python would look for it.

A daemon that was started from a clone, or by its path, is found by no ``python -m``, or another one is.
"""

from __future__ import annotations

import sys
from hashlib import blake2b
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).absolute().parents[1]

# Our folder is first only for our own package: it may be one whose other packages must not come before Python's.
_BEGIN: Final = (
    "import importlib, sys; sys.path.insert(0, sys.argv.pop(1)); import ldirectord_py; "
    "sys.path.append(sys.path.pop(0)); sys.exit(importlib.import_module(sys.argv.pop(1)).main())"
)


def python_command(module: str) -> tuple[str, ...]:
    """Return the command that runs ``main`` of a module of ours; arguments may follow."""
    return (sys.executable, "-P", "-c", _BEGIN, str(_PACKAGE.parent), module)


def source_digest() -> str:
    """Return a digest of the files of this program, as they are now: an upgrade makes another."""
    digest = blake2b(digest_size=8)
    for file in sorted(_PACKAGE.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
