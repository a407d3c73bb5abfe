"""What a daemon was started as."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ldirectord_py.instance.pid_file import Instance


@dataclass(frozen=True, slots=True)
class Identity:
    """The configuration file that a daemon reads, its instance, and the version of this program when it started."""

    path: Path
    instance: Instance
    version: str = ""
