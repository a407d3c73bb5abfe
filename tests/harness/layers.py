"""The layers of the package: which rung each folder stands on, and which modules are pure."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "ldirectord_py"

RULES: tuple[str, ...] = (
    *("plan", "desired", "compiled_real", "unresolved", "maintenance_names", "server_names"),
    *("administration", "saved_state", "saved_addresses", "saved_flaps"),
    *("changes", "damping", "slow_start", "mass_failure", "divergences", "trouble"),
)
"""The rules between configuration, health and table."""

# From the bottom up; a module stands on the rung that names it, or else the nearest folder it is in.
LADDER: tuple[tuple[str, ...], ...] = (
    ("runtime",),
    ("errors", "health", "address"),
    ("ipvs",),
    ("ipvs.netlink",),
    ("checks",),
    ("checks.transport",),
    ("checks.checktypes",),
    ("checks.protocols",),
    ("checks.services",),
    ("checks.prepared",),
    ("checks.registry", "checks.stream", "checks.datagram", "checks.phase", "plugin"),
    ("config",),
    RULES,
    ("report",),
    ("report.log",),
    ("report.mail",),
    ("report.commands",),
    ("report.notifications",),
    ("instance",),
    ("doctor",),
    ("doctor.host",),
    ("daemon.history",),
    ("control",),
    ("web",),
    ("daemon.reconciler",),
    ("daemon.probing",),
    ("daemon.workers",),
    ("daemon.configuration",),
    ("daemon.maintenance",),
    ("daemon.commands",),
    ("daemon.administration",),
    ("daemon.probe_dispatcher",),
    ("daemon.control.servers",),
    ("daemon.control.feed",),
    ("daemon.control",),
    ("daemon.web",),
    ("daemon",),
    ("cli.invocation",),
    ("cli.output",),
    ("cli",),
    ("__main__",),
)
PURE: tuple[str, ...] = (
    *("errors", "health", "address"),
    *RULES,
    *("ipvs", "checks.base", "checks.codes", "checks.effort", "checks.pattern", "checks.protocols", "config"),
    *("report.event_fields", "report.events", "report.wording", "report.mail.message", "report.mail.held_alerts"),
    "doctor",
    *("cli.invocation.arguments", "cli.invocation.moments"),
    *("control.answer_words", "control.protocol", "control.rights", "control.server_replica"),
    "daemon.copied_kernel",
    *("daemon.history.check_counters", "daemon.history.event_counters", "daemon.history.fresh_results"),
    *("daemon.history.journal_entries", "daemon.history.reason_table"),
    *("daemon.probing.pacing", "daemon.probing.slots"),
    *("daemon.reconciler.causes", "daemon.reconciler.compiled_config", "daemon.reconciler.dirty_set"),
    *("daemon.reconciler.departed", "daemon.reconciler.drift", "daemon.reconciler.health_table"),
    "daemon.reconciler.leftover",
    *("daemon.reconciler.manual_edits", "daemon.reconciler.panic_keeper"),
    *("runtime.json_lines", "runtime.text", "runtime.times"),
    *("web.board", "web.certificates", "web.daemon_metrics", "web.headers", "web.health", "web.metric_labels"),
    *("web.metric_text", "web.rows", "web.server_metrics", "web.virtual_metrics"),
)
NOT_PURE: tuple[str, ...] = (
    "doctor.host",
    *("ipvs.netlink.client", "ipvs.netlink.session", "ipvs.netlink.socket"),
    *("config.names", "config.load", "config.files", "checks.protocols.http1", "checks.protocols.mysql_session"),
    *("checks.protocols.oracle_child", "checks.protocols.oracle_session", "checks.protocols.postgres_session"),
)
FORBIDDEN = frozenset(
    (
        *("asyncio", "socket", "ssl", "os", "time", "random", "logging", "signal", "subprocess", "pyroute2", "aiohttp"),
        *("threading", "gc", "resource", "fcntl", "contextvars", "weakref", "importlib", "shutil", "tempfile"),
    )
)
"""What a pure module does not import."""
# Each package's __init__ is a table of contents for those outside it: it may import its own package.
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax of a file, which many tests look at."""
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return every node of the syntax of a file."""
    return tuple(ast.walk(tree(path)))


def within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def rung(module: str) -> int:
    """Return the rung that names the module, or else the nearest folder that it is in."""
    places = [module]
    while "." in places[-1]:
        places.append(places[-1].rpartition(".")[0])
    return next(index for place in places for index, names in enumerate(LADDER) if place in names)


def is_pure(module: str) -> bool:
    """Whether the module decides and computes only: no I/O, no clock, no chance."""
    return within(module, PURE) and not within(module, NOT_PURE)
