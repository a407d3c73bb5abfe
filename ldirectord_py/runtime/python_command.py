"""Commands that run a module of this installation.

``python -m`` would not find a daemon that was started from a clone or by its path, or find another version.
"""

from __future__ import annotations

import sys
from hashlib import blake2b
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).absolute().parents[1]

# Our folder is first for the import of our package only: other packages in it must not hide those of Python.
_BEGIN: Final = (
    "import importlib, sys; sys.path.insert(0, sys.argv.pop(1)); import ldirectord_py; "
    "sys.path.append(sys.path.pop(0)); sys.exit(importlib.import_module(sys.argv.pop(1)).main())"
)


def python_command(module: str) -> tuple[str, ...]:
    """Return the command that runs ``main`` of a module of ours; the caller may append arguments."""
    return (sys.executable, "-P", "-c", _BEGIN, str(_PACKAGE.parent), module)


def source_digest() -> str:
    """Return a digest of the source files of this program as they are now; an upgrade changes it."""
    digest = blake2b(digest_size=8)
    for file in sorted(_PACKAGE.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
