"""``run``: the daemon in the foreground, for systemd and other supervisors."""

from __future__ import annotations

from ldirectord_py.cli.arguments import Invocation
from ldirectord_py.cli.daemon_process import load_daemon


def run(invocation: Invocation) -> int:
    """Return 0 once the daemon has stopped; raise AlreadyRunningError where another one runs."""
    service = load_daemon(invocation)
    service.serve(service.instance.lock())
    return 0
