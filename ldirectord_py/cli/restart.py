"""``restart``: stop the daemon if it runs, and start it; an invalid configuration leaves it running."""

from __future__ import annotations

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.daemon_process import load_daemon
from ldirectord_py.cli.start import start
from ldirectord_py.cli.stop import stop


def run(invocation: Invocation) -> int:
    """Return 0 once the new daemon is ready."""
    daemon = load_daemon(invocation)
    pid = daemon.instance.running_pid()
    if pid is not None:
        stop(daemon.instance, pid)
    return start(daemon)
