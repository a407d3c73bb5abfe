"""The commands: one row and one module with ``run(invocation) -> int`` each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """A command: its module in this package, what it takes, and what it does in half a sentence."""

    module: str
    summary: str
    options: str = ""


COMMANDS: Mapping[str, CommandInfo] = {
    "start": CommandInfo("start", "start the daemon in the background; ends when it is ready"),
    "stop": CommandInfo("stop", "stop the daemon and wait until it is gone"),
    "restart": CommandInfo("restart", "stop the daemon if it runs, and start it"),
    "try-restart": CommandInfo("try_restart", "restart the daemon only if it runs"),
    "reload": CommandInfo("reload", "have the daemon read its configuration again"),
    "force-reload": CommandInfo("reload", "the same as reload"),
    "status": CommandInfo("status", "say whether the daemon runs: exit status 0, 1 (stale pid file) or 3 (stopped)"),
    "run": CommandInfo(
        "run",
        "run the daemon in the foreground, as systemd wants it; --memory-kernel: without root, on a table in memory",
        "[--memory-kernel]",
    ),
    "check": CommandInfo("check", "check the configuration: exit status 0, or 2 with every error"),
    "dump": CommandInfo("dump", "print the configuration in force", "[--format json|yaml] [--show-secrets]"),
    "table": CommandInfo("table", "print the kernel's table while all servers are up, as ipvsadm -Sn", "[--live]"),
    "probe": CommandInfo(
        "probe",
        "run each check once, now: exit status 0 when all are up, 1 when some are not",
        "[--real ADDR[:PORT]] [--virtual ID] [--json]",
    ),
}

DAEMONS: Final = frozenset({"start", "restart", "try-restart", "run"})
"""The commands that become a daemon."""


def usage() -> str:
    """Return the usage, a line for each form."""
    return (
        f"Usage: ldirectord [-d|--debug] [--] [CONFIG] {'|'.join(COMMANDS)}\n"
        "       ldirectord -h|-?|--help|-v|--version"
    )


def help_text() -> str:
    """Return the usage, the options and the commands."""
    rows = [(f"{name} {command.options}".rstrip(), command.summary) for name, command in COMMANDS.items()]
    lines = "\n".join(f"  {name:<12} {summary}" for name, summary in rows if len(name) <= 12)
    wide = "\n".join(f"  {name}\n  {'':<12} {summary}" for name, summary in rows if len(name) > 12)
    return f"{usage()}\n\n{_OPTIONS_TEXT}\n\nCommands:\n{lines}\n{wide}"


def version() -> str:
    """Return name and version."""
    from importlib.metadata import version as installed  # noqa: PLC0415  too slow for the other commands

    return f"Linux Director ldirectord-py {installed('ldirectord-py')}"


_OPTIONS_TEXT = """\
CONFIG is looked for in /etc/ha.d, /etc/ha.d/conf and as given; without it: ldirectord.cf.

Options:
  -d, --debug      stay in the foreground, with a verbose log on the standard output
  -h, -?, --help   print this
  -v, --version    print the version

Environment:
  LDIRECTORD_RUNDIR  where pid and lock file are, else /var/run"""
