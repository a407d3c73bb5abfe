"""``run``: the daemon in the foreground, for systemd and other supervisors."""

from __future__ import annotations

from ldirectord_py.cli.arguments import Invocation
from ldirectord_py.cli.service import read


def run(invocation: Invocation) -> int:
    """Return 0 once the daemon has stopped; raise AlreadyRunningError where another one runs."""
    service = read(invocation)
    service.serve(service.process.lock())
    return 0
