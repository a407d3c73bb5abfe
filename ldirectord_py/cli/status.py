"""``status``: whether the daemon runs."""

from __future__ import annotations

import sys

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.instance.pid_file import instance

RUNNING, STALE, STOPPED = 0, 1, 3


def run(invocation: Invocation) -> int:
    """Return 0 while the daemon runs, 1 if there is a stale pid file, else 3.

    If it is stopped, raises ConfigError for an invalid configuration: cluster agents validate it by ``status``.
    """
    process = instance(invocation.instance)
    pid = process.running_pid()
    if pid is not None:
        print(f"ldirectord for {invocation.config} is running with pid: {pid}", file=sys.stderr)
        return RUNNING
    if process.has_stale_pid_file():
        print(f"ldirectord stale pid file {process.pid_file} for {invocation.config}", file=sys.stderr)
        print(f"ldirectord is stopped for {invocation.config}")
        return STALE
    _refuse_bad_config(invocation)
    print(f"ldirectord is stopped for {invocation.config}")
    return STOPPED


def _refuse_bad_config(invocation: Invocation) -> None:
    from ldirectord_py.config.load import load  # noqa: PLC0415  a daemon that runs needs none of it

    load(invocation.config_file())
