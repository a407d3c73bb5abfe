"""docs/limits.md has the limits of the code, and the code has none that the page lacks."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.layers import MODULES, tree, within

PAGE = Path(__file__).parents[2] / "docs/limits.md"
UNITS = {"": 1, "bytes": 1, "characters": 1, "s": 1, "kB": 1024, "MB": 2**20}

OF_COMMANDS = ("cli", "doctor")
"""Folders whose limits are those of one command, on what it prints and how long it waits."""

OTHERS = {
    "checks.host_faults": ("_MAX_ANCILLARY",),
    "checks.probe": ("MAX_PROBES", "MAX_STALL", "_MAX_TIMEOUTS"),
    "checks.transport.datagram": ("MAX_RESEND_DELAY",),
    "checks.transport.handshakes": ("MAX_HOLD", "MAX_REPEATED_HOLD"),
    "config.comments": ("MAX_SIGNS",),
    "config.directives": ("MAX_PERSISTENCE",),
    "config.listening": ("MAX_PORT",),
    "config.number_values": ("_MAX_DIGITS",),
    "config.server_lines": ("MAX_IPVSADM_WEIGHT",),
    "daemon.administration.state_file": ("MAX_REPORTED",),
    "daemon.control.administer": ("MAX_ATTEMPTS",),
    "daemon.control.check_now": ("MAX_CONCURRENT", "MAX_DELAY"),
    "daemon.control.events": ("MAX_SILENCE",),
    "daemon.control.feed.counts": ("MAX_COUNTS_INTERVAL",),
    "daemon.control.feed.server_feed": ("MAX_ROWS",),
    "daemon.history.results": ("_MAX_SECONDS",),
    "daemon.maintenance.reverse_names": ("MAX_AGE",),
    "daemon.probing.slots": ("MAX_GRID", "MAX_GROUP"),
    "daemon.probing.admission": ("MAX_BEGINNINGS", "MAX_TURN"),
    "daemon.reconciler.draining": ("MAX_DRAINED_TIME", "MAX_MOVED_TIME"),
    "daemon.reconciler.resync_timer": ("MAX_RETRY_DELAY",),
    "daemon.workers.supervisor": ("MAX_CHECKS_PER_MESSAGE",),
    "control.listening": ("MAX_PATH_LENGTH", "_MAX_OPTION_LENGTH"),
    "control.server": ("MAX_ACCEPTED",),
    "ipvs.netlink.batches": ("MAX_BATCH",),
    "ipvs.netlink.client": ("MAX_INLINE",),
    "ipvs.netlink.session": ("MAX_PAGE_DESTINATIONS",),
    "ipvs.refusal": ("MAX_NAME_LENGTH", "MAX_PERSISTENCE", "MAX_THRESHOLD", "MAX_WEIGHT"),
    "mass_failure": ("MAX_PASSING",),
    "report.mail.queue": ("MAX_RETRY_DELAY",),
    "report.mail.smtp": ("MAX_ADDRESSES",),
    "report.notifications.queue": ("MAX_RETRY_DELAY",),
    "report.wording": ("MAX_LISTED",),
    "runtime.core_dumps": ("MAX_CORE",),
    "runtime.garbage": ("MAX_GROWTH",),
    "runtime.output": ("MAX_READS",),
    "runtime.privileges": ("MAX_CAPABILITY",),
    "runtime.respawning": ("MAX_DELAY",),
    "runtime.stalls": ("MAX_NOISE",),
    "runtime.thread_writer": ("MAX_BATCH",),
    "runtime.threads": ("MAX_THREADS",),
    "server_names": ("MAX_COMPARED", "MAX_SUGGESTED"),
    "web.board": ("MAX_CHANGES", "MAX_NUMBERS_SENT", "MAX_POINTS", "MAX_ROWS_SENT"),
    "web.health": ("MAX_LISTED", "MAX_SILENCE", "MAX_UPDATE_AGE"),
    "web.page": ("MAX_EVENTS_SHOWN", "MAX_TROUBLES_SHOWN"),
    "web.rows": ("MAX_REASON",),
    "web.stream_messages": ("MAX_EVENTS_SENT",),
}
"""Limits of our own work: how much at a time, how often again, how much is shown."""

_NAME = re.compile(r"_?(?:[A-Z]+_)*(?:MAX|LIMIT)(?:_[A-Z]+)*")


class Limit(NamedTuple):
    """A row of the page: the module, the name of the constant, and its value."""

    module: str
    name: str
    value: float


def rows() -> list[Limit]:
    found = []
    for cells in re.findall(r"^\| (.+) \|$", PAGE.read_text(), flags=re.MULTILINE):
        _, value, _, where = cells.split(" | ")
        if place := re.fullmatch(r"`([\w/]+)\.py` `([A-Z_]+)`", where):
            number, _, unit = value.partition(" ")
            found.append(Limit(place[1].replace("/", "."), place[2], float(number.replace(",", "")) * UNITS[unit]))
        else:
            assert where in {"where", "---"}, where
    return found


def own_limits(module: str) -> Iterator[str]:
    """Yield the names of a module's own constants that are called limits."""
    for node in tree(MODULES[module]).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if _NAME.fullmatch(name):
                    yield name


@pytest.mark.parametrize("limit", rows(), ids=lambda limit: f"{limit.module}.{limit.name}")
def test_a_limit_has_the_value_of_the_page(limit: Limit) -> None:
    assert getattr(importlib.import_module(f"ldirectord_py.{limit.module}"), limit.name) == limit.value


def test_each_limit_is_on_the_page_or_known_as_another() -> None:
    found = {(module, name) for module in MODULES if not within(module, OF_COMMANDS) for name in own_limits(module)}
    listed = {(limit.module, limit.name) for limit in rows()}
    others = {(module, name) for module, names in OTHERS.items() for name in names}
    assert found - listed - others == set()
    assert listed & others == set()
    assert others <= found
