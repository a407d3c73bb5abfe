"""``drain``, ``undrain``, ``disable`` and ``enable``: take servers out of use for maintenance, and back."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from ldirectord_py.cli.invocation.arguments import Invocation, UsageError
from ldirectord_py.cli.invocation.moments import future_time, local_now, seconds_or_duration
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.cli.invocation.patient_client import PatientClient
from ldirectord_py.cli.output.connection_wait import DEADLINE_PASSED, wait_for_connections, wait_for_weight
from ldirectord_py.runtime.text import count_of
from ldirectord_py.runtime.times import local_minute

MAX_WAIT: Final = 7 * 86_400.0
"""Seconds that a command may wait."""

NOT_DONE: Final = 1
"""The exit status when a server did not get its state, or when that does not last over a restart."""

_ENDS_IN: Final = {"drain": "drain", "disable": "disabled", "undrain": "ready", "enable": "ready"}

Server = Mapping[str, Any]


def run(invocation: Invocation) -> int:
    """Return 0 when done, DEADLINE_PASSED when the wait was too short, else NOT_DONE; raise as ``connect``."""
    options = _parse_words(invocation.command, invocation.arguments)
    with closing(PatientClient(invocation)) as client:
        if invocation.command == "disable" and options.wait is not None:
            return _disable_when_drained(client, options)
        status, servers = _administer(client, invocation.command, options)
        if options.wait is None or status:
            return status
        return _wait(client, invocation.command, servers, options)


def _parse_words(command: str, arguments: Sequence[str]) -> argparse.Namespace:
    parser = OptionParser(command)
    parser.add_argument("--virtual", metavar="ID")
    parser.add_argument("--why", metavar="TEXT")
    parser.add_argument("--wait", metavar="SECONDS", type=seconds_or_duration)
    parser.add_argument("--json", action="store_true")
    if command in {"drain", "disable"}:
        parser.add_argument("--until", metavar="TIME")
    parser.add_argument("names", nargs="+", metavar="NAME")
    options = parser.parse_args(arguments)
    if options.wait is not None and not 0 <= options.wait <= MAX_WAIT:
        raise UsageError(f"{command}: --wait has to be 0 to {MAX_WAIT:.0f} seconds")
    until = getattr(options, "until", None)
    options.until = None if until is None else future_time(until, local_now())
    return options


def _disable_when_drained(client: PatientClient, options: argparse.Namespace) -> int:
    """Drain the servers first, and disable them when they have no connections any more."""
    status, servers = _administer(client, "drain", options, shown=not options.json)
    status = status or _wait(client, "drain", servers, options)
    if status:
        print("They stay drained, and are not disabled", file=sys.stderr)
        return status
    return _administer(client, "disable", options)[0]


def _administer(
    client: PatientClient, command: str, options: argparse.Namespace, *, shown: bool = True
) -> tuple[int, Sequence[Server]]:
    """Return the exit status so far, and the servers."""
    arguments = {"names": options.names, "virtual": options.virtual, "why": options.why, "until": options.until}
    answer = client.ask(command, sudo_user=os.environ.get("SUDO_USER") or None, **arguments)
    servers: Sequence[Server] = answer["servers"]
    if shown:
        print(_json_text(answer) if options.json else "\n".join(map(change_text, servers)), flush=True)
    for text in outage_texts(answer):
        print(text, file=sys.stderr)
    if not answer["kept"]:
        print(f"This does not last over a restart of the daemon: {answer['fault']}", file=sys.stderr)
    missed = [server for server in servers if server["state"] != _ENDS_IN[command]]
    if missed:
        print(f"{count_of(len(missed), 'disabled server')} not changed; enable ends that", file=sys.stderr)
    return NOT_DONE if missed or not answer["kept"] else 0, servers


def _json_text(answer: Mapping[str, Any]) -> str:
    outages = answer.get("outages", [])  # no field of older daemons
    fields = {"servers": answer["servers"], "outages": outages, "kept": answer["kept"], "fault": answer["fault"]}
    return json.dumps(fields, indent=2)


def outage_texts(answer: Mapping[str, Any]) -> list[str]:
    """Return a sentence about each virtual from which the last server was taken."""
    servers = answer["servers"]
    taken = {server["virtual"] for server in servers if server["before"] == "ready" and server["state"] != "ready"}
    return [f"{virtual} has no server left that is up" for virtual in answer.get("outages", ()) if virtual in taken]


def change_text(server: Server) -> str:
    """Return what became of a server, as ``VIRTUAL/REAL (NAME): ready -> drain by WHO``."""
    name = f"{server['real']} ({server['name']})" if server["name"] else server["real"]
    change = server["state"] if server["state"] == server["before"] else f"{server['before']} -> {server['state']}"
    until = f" until {local_minute(server['until'])}" if server["until"] else ""
    why = f": {server['why']}" if server["why"] else ""
    down = " (down)" if server["up"] is False else ""
    by = f" by {server['who']}{until}{why}" if server["who"] else ""
    left = "; it has left the configuration" if server["left"] else ""
    return f"{server['virtual']}/{name}: {change}{by}{down}{left}"


def _wait(client: PatientClient, command: str, servers: Sequence[Server], options: argparse.Namespace) -> int:
    wait = wait_for_connections if command == "drain" else wait_for_weight
    names = [f"{server['virtual']}/{server['real']}" for server in servers if not server["left"]]
    stream = sys.stderr if options.json else sys.stdout
    return 0 if not names or wait(client, names, options.wait, stream) else DEADLINE_PASSED
