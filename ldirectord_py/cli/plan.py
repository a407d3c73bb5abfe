"""``plan``: what a start or reload of the configuration would change in the kernel's table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ldirectord_py.administration import Entries
from ldirectord_py.changes import Change, changes, summary, totals
from ldirectord_py.cli.invocation.arguments import Invocation, MissingConfigError, find
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.config.load import load
from ldirectord_py.config.model import Config
from ldirectord_py.daemon.administration.saved_file import read_saved_file
from ldirectord_py.daemon.configuration.guard import refusal
from ldirectord_py.daemon.rehearsal import Rehearsal
from ldirectord_py.errors import LdirectordError, NoTableError
from ldirectord_py.instance.pid_file import instance
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.netlink.read_only import read_only_kernel
from ldirectord_py.ipvs.table import DestinationKey, Table, service_of
from ldirectord_py.report.events import Event, NotWritten, Unresolved
from ldirectord_py.report.wording import line
from ldirectord_py.runtime.text import count_of
from ldirectord_py.saved_addresses import Hosts

CHANGES = 3
ASSUMPTIONS = ("current", "up", "down")


@dataclass(slots=True)
class _Plan:
    """The changes, what is assumed, and what the director says of rows that it cannot write or judge."""

    changes: Sequence[Change] = ()
    assumed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add_remark(self, event: Event) -> None:
        """Keep the text of an event about rows that are refused, or that stay for want of an address."""
        if isinstance(event, (NotWritten, Unresolved)) and (text := line(event)):
            self.remarks.append(text)


def run(invocation: Invocation) -> int:
    """Print the changes; return 0 if there are none, else 3; raise ConfigError for a bad file."""
    options = _parse_arguments(invocation.arguments)
    saved = read_saved_file(instance(invocation.instance))
    hosts = saved.hosts
    config = load_with_warnings(invocation.config_file(), hosts).config
    former = _former(options.former, invocation, config, hosts)
    entries, faults = saved.entries(time.time())
    with asyncio.Runner() as runner:
        found = runner.run(_plan(config, former, entries, options.assume))
    found.remarks += faults
    found.assumed += _assumptions(invocation, former, options.assume)
    for remark in found.remarks:
        print(remark, file=sys.stderr)
    print(_as_json(found) if options.json else _as_text(found), flush=True)
    return CHANGES if found.changes else 0


def _parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OptionParser("plan")
    parser.add_argument("--assume", choices=ASSUMPTIONS, default="current")
    parser.add_argument("--from", dest="former", metavar="OLDFILE")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _former(name: str | None, invocation: Invocation, config: Config, known: Hosts) -> Config | None:
    """Return the configuration that a reload replaces, None for a start.

    A host name that does not resolve now has its ``known`` address, as it has for the daemon.
    """
    if name is None:
        return None
    path = Path(find(name))
    if not path.is_file():
        raise MissingConfigError(f"Config file {path} not found")
    former = load(path, known).config
    if reason := refusal(invocation.config_file(), former, config, requested=True):
        raise LdirectordError(f"A reload refuses this file: {reason}")
    return former


async def _plan(config: Config, former: Config | None, entries: Entries, assume: str) -> _Plan:
    plan, kernel = _Plan(), read_only_kernel()
    try:
        table, connections = await _table_and_connections(kernel, plan)
    finally:
        await kernel.aclose()
    rehearsal = Rehearsal(table, plan.add_remark, assume_up=assume == "up", entries=entries)
    final = await (rehearsal.start(config) if former is None else rehearsal.reload(former, config))
    plan.changes = changes(table, final, connections, [virtual.key for virtual in config.virtuals])
    foreign = {service_of(key) for key in final} - {virtual.key for virtual in config.virtuals}
    if foreign:
        plan.assumed.append(
            f"{count_of(len(foreign), 'service')} in the kernel that the file does not name stay as found"
        )
    return plan


async def _table_and_connections(kernel: Kernel, plan: _Plan) -> tuple[Table, dict[DestinationKey, int]]:
    """Return the kernel's table and connections, both empty if this process has no table."""
    try:
        table = await kernel.read()
        usage = await kernel.usage({service_of(key) for key in table})
        return table, {key: used.active + used.inactive for key, used in usage.items()}
    except NoTableError as error:
        print(f"Planned against an empty table: {error}", file=sys.stderr)
        plan.assumed.append("the kernel's table is empty")
        return {}, {}


def _assumptions(invocation: Invocation, former: Config | None, assume: str) -> Iterator[str]:
    if assume != "current":
        yield f"servers that have no row in the kernel are {assume}"
    yield "servers are up that have weight in the kernel"
    if former is None and (pid := instance(invocation.instance).running_pid()) is not None:
        yield (
            f"the daemon that runs (pid {pid}) has no services but those of the file; a reload would remove"
            " others: --from shows them, with the file that it runs now"
        )


def _as_text(plan: _Plan) -> str:
    notes = [f"Assumed: {note}" for note in plan.assumed]
    return "\n".join([*map(str, plan.changes), summary(plan.changes), *notes])


def _as_json(plan: _Plan) -> str:
    content: dict[str, Any] = {
        "changes": [change.as_json() for change in plan.changes],
        "totals": totals(plan.changes),
        "assumed": plan.assumed,
        "remarks": plan.remarks,
    }
    return json.dumps(content, indent=2)
