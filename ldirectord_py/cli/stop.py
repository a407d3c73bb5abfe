"""``stop``: stop the daemon and wait until it has ended."""

from __future__ import annotations

import sys

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.instance.pid_file import Instance, instance


def run(invocation: Invocation) -> int:
    """Return 0 once no daemon runs; a stale pid file is removed."""
    process = instance(invocation.instance)
    pid = process.running_pid()
    if pid is None:
        invocation.config_file()  # raises if there is no such file: the name is probably wrong
        process.remove_pid_file()
        return 0
    stop(process, pid)
    return 0


def stop(process: Instance, pid: int) -> None:
    """Stop the daemon; print a warning if it had to be killed."""
    if not process.stop(pid):
        print(
            f"ldirectord {pid} did not stop and was killed; its rows stay in the kernel's table",
            file=sys.stderr,
        )
