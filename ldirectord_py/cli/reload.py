"""``reload`` and ``force-reload``: make the daemon read its configuration again."""

from __future__ import annotations

import sys

from ldirectord_py.cli.arguments import Invocation
from ldirectord_py.instance.pid_file import instance


def run(invocation: Invocation) -> int:
    """Return 0 after signalling the daemon, 1 if none runs; the log says whether the file was valid."""
    process = instance(invocation.instance)
    pid = process.running_pid()
    if pid is None:
        invocation.config_file()  # raises if there is no such file: the name is probably wrong
        print(f"ldirectord is stopped for {invocation.config}", file=sys.stderr)
        return 1
    process.signal_reload(pid)
    return 0
