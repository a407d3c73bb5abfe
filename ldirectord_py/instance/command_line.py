"""The words of a command line that start a daemon, and where it looks for its configuration."""

from __future__ import annotations

from typing import Final

CONFIG_FOLDERS: Final = ("/etc/ha.d", "/etc/ha.d/conf")
"""Where a configuration is looked for by its name, before it is taken as a path."""

DEFAULT_CONFIG: Final = "ldirectord.cf"
"""The configuration of a command line that names none."""

DAEMON_COMMANDS: Final = frozenset({"start", "restart", "try-restart", "run"})
"""The commands that run a daemon in their process or a child of it."""

MEMORY_KERNEL: Final = "--memory-kernel"
"""The option of a daemon that directs nothing."""
