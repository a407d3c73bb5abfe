"""``reload`` and ``force-reload``: make the daemon read its configuration again, and wait for what comes of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.control.client import ControlClient, NotReachable
from ldirectord_py.control.protocol import Code, RequestError
from ldirectord_py.errors import Problem, Severity
from ldirectord_py.instance.pid_file import Instance, instance

RELOAD_TIMEOUT: Final = 75.0
"""Seconds that the command waits; the daemon itself gives up reading after 60."""

TAKEN, STOPPED, REFUSED = 0, 1, 2
WAIT: Final = "--wait"


def run(invocation: Invocation) -> int:
    """Return 0 when the daemon has taken the file, 2 when it has refused it, with all errors on standard error.

    Returns 1 if no daemon runs. A daemon without a control socket is signalled: 0, or 1 with ``--wait``.
    """
    process = instance(invocation.instance)
    pid = process.running_pid()
    if pid is None:
        invocation.config_file()  # raises if there is no such file: the name is probably wrong
        print(f"ldirectord is stopped for {invocation.config}", file=sys.stderr)
        return STOPPED
    try:
        client = ControlClient(process.socket_file)
    except NotReachable as error:
        return _signal_only(process, pid, str(error), wait=WAIT in invocation.arguments)
    with client:
        return _ask(client)


def _signal_only(process: Instance, pid: int, reason: str, *, wait: bool) -> int:
    process.signal_reload(pid)
    if wait:
        print(f"the daemon was signalled, but cannot be asked: {reason}; see its log", file=sys.stderr)
    return int(wait)


def _ask(client: ControlClient) -> int:
    try:
        answer = client.ask("reload", timeout=RELOAD_TIMEOUT)
    except RequestError as error:
        _print_problems(error.details.get("problems", ()))
        print(error, file=sys.stderr)
        return REFUSED if error.code == Code.REFUSED else 1
    _print_problems(answer["problems"])
    return TAKEN


def _print_problems(problems: Any) -> None:
    """Print errors and warnings as ``check`` does."""
    rows: Sequence[Mapping[str, Any]] = problems
    for row in rows:
        print(Problem(**{**row, "severity": Severity(row["severity"])}), file=sys.stderr)
