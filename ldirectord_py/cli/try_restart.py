"""``try-restart``: restart the daemon only if it runs."""

from __future__ import annotations

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.instance.pid_file import instance


def run(invocation: Invocation) -> int:
    """Return 0 if the daemon does not run, else what ``restart`` returns."""
    if instance(invocation.instance).running_pid() is None:
        invocation.config_file()  # raises if there is no such file: the name is probably wrong
        return 0
    from ldirectord_py.cli import restart  # noqa: PLC0415  the daemon's imports are not needed to say no

    return restart.run(invocation)
