"""The commands: each has a row here and a module with ``run(invocation) -> int``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from ldirectord_py import PACKAGE_VERSION


class CommandInfo(NamedTuple):
    """A command: its module in this package, its summary and its options for the help."""

    module: str
    summary: str
    options: str = ""

    @property
    def takes_names(self) -> bool:
        """Whether names of servers may follow; what follows another command is an option."""
        return "NAME" in self.options


PLACEHOLDERS: Final[Mapping[str, str]] = {
    "NAME": 'an address with or without port, a host name, or a pattern such as "web*"; or VIRTUAL/NAME',
    "ID": "a virtual, as in tcp:192.0.2.1:80, 192.0.2.1 or fwm:1",
    "TIME": "14:30, 2026-11-28T14:30, or as long from now (or ago) as 2h or 1h30m",
    "SEQ": "the number of an event",
    "SECONDS": "a number of seconds, or as long as 10m or 1h30m",
}
"""What the words in the options of commands stand for."""

_READY: Final = "[--virtual ID] [--why TEXT] [--wait SECONDS] [--json] NAME..."
_DRAIN: Final = f"[--until TIME] {_READY}"

COMMANDS: Mapping[str, CommandInfo] = {
    "start": CommandInfo("start", "start the daemon in the background; returns when it is ready"),
    "stop": CommandInfo("stop", "stop the daemon and wait until it has ended"),
    "restart": CommandInfo("restart", "stop the daemon if it runs, and start it"),
    "try-restart": CommandInfo("try_restart", "restart the daemon only if it runs"),
    "reload": CommandInfo(
        "reload",
        "make the daemon read its configuration again: exit status 0, or 2 with all errors if it kept the old one",
        "[--wait]",
    ),
    "force-reload": CommandInfo("reload", "the same as reload", "[--wait]"),
    "check-now": CommandInfo(
        "check_now",
        "have the daemon probe servers at once: exit status 0 when all are up, 1 when some are not",
        "[--json] NAME...",
    ),
    "status": CommandInfo("status", "print whether the daemon runs: exit status 0, 1 (stale pid file) or 3 (stopped)"),
    "run": CommandInfo(
        "run",
        "run the daemon in the foreground, for systemd; --memory-kernel: without root, on a table in memory",
        "[--memory-kernel]",
    ),
    "show": CommandInfo(
        "show",
        "show the servers: configured, administrative, observed, kernel; --down: exit status 3 if there is trouble",
        "[--down|--all] [--json] [NAME ...]",
    ),
    "events": CommandInfo(
        "events", "print what happened, and with --follow what happens", "[--follow] [--since SEQ|TIME] [--json]"
    ),
    "top": CommandInfo("top", "show the servers live, what hurts first; keys filter, sort, open and drain"),
    "drain": CommandInfo(
        "administer",
        "give servers weight 0: no new clients; --wait ends with 4 if connections are left",
        _DRAIN,
    ),
    "undrain": CommandInfo("administer", "end a drain", _READY),
    "disable": CommandInfo("administer", "take servers out; with --wait drain them first", _DRAIN),
    "enable": CommandInfo("administer", "end a drain or a disable", _READY),
    "check": CommandInfo("check", "check the configuration: exit status 0, or 2 with all errors"),
    "dump": CommandInfo("dump", "print the configuration with all defaults", "[--format json|yaml] [--show-secrets]"),
    "convert": CommandInfo(
        "convert",
        "print the configuration in the other form: ldirectord.cf as YAML, or YAML as ldirectord.cf",
        "[--to cf|yaml]",
    ),
    "table": CommandInfo("table", "print the kernel's table while all servers are up, as ipvsadm -Sn", "[--live]"),
    "plan": CommandInfo(
        "plan",
        "print what a start, or a reload after OLDFILE, would change in the kernel: exit status 0, 3 if anything",
        "[--assume up|down|current] [--from OLDFILE] [--json]",
    ),
    "doctor": CommandInfo(
        "doctor", "find what of this host stands in the way: exit status 0, 1 with findings", "[--json]"
    ),
    "shadow": CommandInfo(
        "shadow",
        "check beside a director, write nothing, and print where our table would differ: exit status 0 or 1",
        "[--for SECONDS] [--json]",
    ),
    "probe": CommandInfo(
        "probe",
        "run each check once, now: exit status 0 when all are up, 1 when some are not",
        "[--real ADDR[:PORT]] [--virtual ID] [--json]",
    ),
}


def usage(command: str = "") -> str:
    """Return the usage of ``command``, or that of all of them."""
    if command:
        return f"Usage: ldirectord [CONFIG] {command} {COMMANDS[command].options}".rstrip()
    return (
        f"Usage: ldirectord [-d|--debug] [--] [CONFIG] {'|'.join(COMMANDS)}\n"
        "       ldirectord -h|-?|--help|-v|--version\n"
        "       ldirectord COMMAND --help"
    )


def help_text(command: str = "") -> str:
    """Return the usage and the summary of ``command``, or the usage, the options and all commands."""
    if command:
        named = re.findall(r"[A-Z]+", COMMANDS[command].options)
        words = [f"  {word:<9} {meaning}" for word, meaning in PLACEHOLDERS.items() if word in named]
        return "\n".join((usage(command), COMMANDS[command].summary, *words, "More is in ldirectord(8)."))
    lines = "\n".join(f"  {name:<13} {info.summary}" for name, info in COMMANDS.items())
    return f"{usage()}\n\n{_OPTIONS_TEXT}\n\nCommands:\n{lines}"


def version() -> str:
    """Return name and version."""
    return f"Linux Director ldirectord-py {PACKAGE_VERSION}"


_OPTIONS_TEXT = """\
CONFIG is looked for in /etc/ha.d, /etc/ha.d/conf and as given; without it: ldirectord.cf.

Options:
  -d, --debug      stay in the foreground, with a verbose log on the standard output
  -h, -?, --help   print this help
  -v, --version    print the version

Environment:
  LDIRECTORD_RUNDIR    the folder of pid file, lock and control socket, /var/run by default
  LDIRECTORD_STATEDIR  the folder of what drain and disable have done, /var/lib/ldirectord by default"""
