"""``reload`` and ``force-reload``: have the daemon read its configuration again."""

from __future__ import annotations

import sys

from ldirectord_py.cli.arguments import Invocation
from ldirectord_py.instance.pid_file import instance


def run(invocation: Invocation) -> int:
    """Return 0 once the daemon is asked, 1 when none runs; whether it liked the file is in its log."""
    process = instance(invocation.instance)
    pid = process.running_pid()
    if pid is None:
        invocation.config_file()  # a name without a file is a slip
        print(f"ldirectord is stopped for {invocation.config}", file=sys.stderr)
        return 1
    process.reload(pid)
    return 0
