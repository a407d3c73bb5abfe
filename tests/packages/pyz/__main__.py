"""``ldirectord.pyz``: the commands that look, for hosts where nothing is to be installed."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  this file is read by older ones too
    sys.exit("ldirectord.pyz needs Python 3.11 or newer")

from ldirectord_py.cli import main
from ldirectord_py.instance.command_line import DAEMON_COMMANDS

PROBING = frozenset(("probe", "shadow"))


def run() -> int:
    """Run a command, unless it directs; the drivers that only probes need count as installed for the others."""
    words = {*sys.argv[1:]}
    if started := words & DAEMON_COMMANDS:
        sys.exit(f"{started.pop()}: ldirectord.pyz does not direct; install ldirectord-py")
    if not words & PROBING:
        sys.path.append(f"{sys.path[0]}/drivers")
    return main()


if __name__ == "__main__":
    sys.exit(run())
