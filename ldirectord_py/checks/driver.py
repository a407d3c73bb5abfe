"""Drivers of databases, imported when a check first needs one, and in a thread: that takes a tenth of a second."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ldirectord_py.checks.threads import THREADS

_drivers: dict[str, ModuleType] = {}


async def load_driver(name: str) -> ModuleType:
    """Return a module of ours that imports a driver."""
    if name not in _drivers:
        _drivers[name] = await THREADS.run(lambda: import_module(name))
    return _drivers[name]
