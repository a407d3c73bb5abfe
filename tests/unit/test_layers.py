"""Imports go down the ladder and never up, and pure modules import nothing that does I/O or keeps time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ldirectord_py"

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
    ("checks.registry", "plugin"),
    ("config",),
    ("plan", "desired", "unresolved", "maintenance_names"),
    ("report",),
    ("report.log", "report.mail", "report.commands"),
    ("instance",),
    ("daemon.reconciler",),
    ("daemon.probing",),
    ("daemon.workers",),
    ("daemon.configuration", "daemon.maintenance", "daemon.commands"),
    ("daemon",),
    ("cli",),
    ("__main__",),
)
PURE = (
    *("errors", "health", "address", "plan", "desired", "unresolved", "maintenance_names"),
    *("ipvs", "checks.base", "checks.protocols", "config"),
)
NOT_PURE = (
    *("ipvs.netlink.client", "ipvs.netlink.session", "ipvs.netlink.socket"),
    *("config.names", "config.load", "config.files", "checks.protocols.http1", "checks.protocols.mysql_session"),
    *("checks.protocols.oracle_child", "checks.protocols.oracle_session", "checks.protocols.postgres_session"),
)
FORBIDDEN = frozenset(
    ("asyncio", "socket", "ssl", "os", "time", "random", "logging", "signal", "subprocess", "pyroute2", "aiohttp")
)
# Each package's __init__ is a table of contents for those outside it: it may import its own package.
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}


def within(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def rung(module: str) -> int:
    place = module
    while not (found := [index for index, names in enumerate(LADDER) if place in names]):
        place = place.rpartition(".")[0]
    return found[0]


def imports(path: Path) -> Iterator[str]:
    """Yield what the file imports, whole dotted names; ``from a import b`` is ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def own_imports(module: str) -> set[str]:
    """Return the modules of the project that ``module`` imports."""
    names = (name.removeprefix("ldirectord_py.") for name in imports(MODULES[module]) if is_own(name))
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} - {""}


def is_own(name: str) -> bool:
    return name.startswith("ldirectord_py.")


@pytest.mark.parametrize("module", MODULES)
def test_imports_never_go_up_the_ladder(module: str) -> None:
    upward = {other for other in own_imports(module) if other in MODULES and rung(other) > rung(module)}
    assert upward == set()


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, ("runtime",))])
def test_the_tools_of_runtime_import_nothing_else_of_ours(module: str) -> None:
    assert {other for other in own_imports(module) if not within(other, ("runtime",))} == set()


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, PURE) and not within(name, NOT_PURE)])
def test_pure_modules_do_no_io(module: str) -> None:
    reached = {name.split(".")[0] for name in imports(MODULES[module]) if not is_own(name)}
    assert reached & FORBIDDEN == set()


def test_no_two_modules_import_each_other() -> None:
    graph = {module: own_imports(module) & MODULES.keys() for module in MODULES}
    done: set[str] = set()
    while free := {module for module, needs in graph.items() if module not in done and needs <= done | {module}}:
        done |= free
    assert sorted(graph.keys() - done) == []


def calls_of_threads(path: Path) -> Iterator[str]:
    """Yield what the file uses of threads: of the loop's executor, of uvloop's own, and threads that it starts."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in {"to_thread", "run_in_executor", "Thread"}:
                yield node.attr
            elif node.attr in {"getaddrinfo", "getnameinfo"} and of != "socket":
                yield f"loop.{node.attr}"


def test_blocking_calls_go_one_way_into_threads() -> None:
    """The loop's executor is joined at its end; the two writers of files have threads for as long as they live."""
    users = {module: set(calls_of_threads(path)) for module, path in MODULES.items()}
    writers = ("report.log.logfile", "report.monitorfile")
    expected = {module: {"Thread"} for module in (*writers, "runtime.threads")}
    assert {module: used for module, used in users.items() if used} == expected
