"""Loading the configuration of a command."""

from __future__ import annotations

import sys
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ldirectord_py.config.load import load
from ldirectord_py.config.parse import Parsed
from ldirectord_py.saved_addresses import Hosts

_NO_HOSTS: Final[Hosts] = MappingProxyType({})


def load_with_warnings(path: Path, known: Hosts = _NO_HOSTS) -> Parsed:
    """Return the configuration of a file, and print its warnings to standard error; raises ConfigError.

    A host name that does not resolve now has its ``known`` address.
    """
    loaded = load(path, known)
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
    return loaded
