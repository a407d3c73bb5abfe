"""Database drivers: imported by the first check that needs one, in a thread, as an import takes 0.1 s."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ldirectord_py.checks.threads import THREADS

_drivers: dict[str, ModuleType] = {}


async def load_driver(name: str) -> ModuleType:
    """Return the module of ours with this name, which imports a driver."""
    if name not in _drivers:
        _drivers[name] = await THREADS.run(lambda: import_module(name))
    return _drivers[name]
