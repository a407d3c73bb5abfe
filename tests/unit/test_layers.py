"""Imports go down the ladder and never up, pure modules do no I/O, and the tests mirror the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from harness.layers import FORBIDDEN, LADDER, MODULES, PACKAGE, is_pure, nodes, rung, within

UNIT = Path(__file__).parent
MIN_BRANCHES = 8
"""A module that decides or repeats less than this has no logic of its own."""
BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.BoolOp, ast.match_case, ast.comprehension)

# Modules whose tests are about more than one module: pieces of a parser, the two sides of a protocol.
TESTED_BY: dict[str, tuple[str, ...]] = {
    "config/test_parse_cases.py": (
        *("config.settings", "config.servers", "config.server_lines"),
        *("config.syntax", "config.build"),
    ),
    "config/test_document.py": ("config.readings",),
    "config/test_values.py": ("config.number_values", "config.string_values"),
    "checks/test_probe.py": ("checks.host_faults", "checks.reasons"),
    "checks/protocols/test_dns_message.py": ("checks.protocols.dns_records",),
    "checks/protocols/test_http_response.py": ("checks.protocols.http_chunks", "checks.protocols.http_head"),
    "checks/services/test_ldap.py": ("checks.protocols.ldap_session",),
    "checks/services/test_line_protocols.py": ("checks.transport.stream",),
    "checks/services/test_mysql.py": ("checks.protocols.mysql_session",),
    "checks/services/test_oracle.py": ("checks.protocols.oracle_session",),
    "checks/services/test_pgsql.py": ("checks.protocols.postgres_session",),
    "checks/services/test_radius.py": ("checks.protocols.radius_packet",),
    "checks/services/test_sip.py": ("checks.protocols.sip_message",),
    "checks/checktypes/test_command.py": ("runtime.output",),
    "doctor/test_servers.py": ("doctor.finding",),
    "daemon/control/servers/test_server_fields.py": ("daemon.control.servers.observed_fields",),
    "daemon/reconciler/test_leftover.py": ("unresolved",),
    "daemon/workers/test_pool.py": ("daemon.workers.worker",),
    "cli/invocation/test_arguments.py": ("cli",),
}


def imports(path: Path) -> Iterator[str]:
    """Yield what the file imports, whole dotted names; ``from a import b`` is ``a.b``."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@cache
def own_imports(module: str) -> frozenset[str]:
    """Return the modules of the project that ``module`` imports."""
    names = (name.removeprefix("ldirectord_py.") for name in imports(MODULES[module]) if is_own(name))
    found = {name if name in MODULES else name.rpartition(".")[0] for name in names}
    return frozenset(found & MODULES.keys())


def is_own(name: str) -> bool:
    return name.startswith("ldirectord_py.")


def impurities(module: str) -> set[str]:
    return {name.split(".")[0] for name in imports(MODULES[module]) if not is_own(name)} & FORBIDDEN


def has_logic(module: str) -> bool:
    return sum(isinstance(node, BRANCHES) for node in nodes(MODULES[module])) >= MIN_BRANCHES


def own_test(module: str) -> Path:
    *folders, name = module.split(".")
    return UNIT.joinpath(*folders, f"test_{name}.py")


def test_the_ladder_names_each_folder_once_and_nothing_else() -> None:
    folders = {".".join(path.parent.relative_to(PACKAGE).parts) for path in PACKAGE.rglob("*.py")} - {""}
    named = [name for names in LADDER for name in names]
    assert sorted(set(named)) == sorted(named)
    assert folders <= set(named)


def test_a_rung_holds_no_more_than_one_folder() -> None:
    folders = {module.rpartition(".")[0] for module in MODULES}
    assert [names for names in LADDER if len(folders.intersection(names)) > 1] == []


def test_imports_never_go_up_the_ladder() -> None:
    upward = {(module, other) for module in MODULES for other in own_imports(module) if rung(other) > rung(module)}
    assert upward == set()


def test_the_tools_of_runtime_import_nothing_else_of_ours() -> None:
    tools = [module for module in MODULES if within(module, ("runtime",))]
    assert {other for module in tools for other in own_imports(module) if other not in tools} == set()


def test_pure_modules_do_no_io() -> None:
    found = {module: impurities(module) for module in MODULES if is_pure(module)}
    assert {module: names for module, names in found.items() if names} == {}


def test_each_module_that_reaches_no_io_is_listed_as_pure() -> None:
    pure = {module for module in MODULES if not impurities(module)}
    while reaching := {module for module in pure if own_imports(module) - pure - {module}}:
        pure -= reaching
    assert {module for module in pure if not is_pure(module) and has_logic(module)} == set()


def test_no_two_modules_import_each_other() -> None:
    graph = {module: own_imports(module) for module in MODULES}
    done: set[str] = set()
    while free := {module for module, needs in graph.items() if module not in done and needs <= done | {module}}:
        done |= free
    assert sorted(graph.keys() - done) == []


def test_each_module_with_logic_has_the_test_file_of_its_name() -> None:
    elsewhere = {module for modules in TESTED_BY.values() for module in modules}
    assert {module for module in MODULES if has_logic(module) and not own_test(module).exists()} == elsewhere
    assert [name for name in TESTED_BY if not (UNIT / name).exists()] == []


def calls_of_threads(path: Path) -> Iterator[str]:
    """Yield what the file uses of threads: of the loop's executor, of uvloop's own, and threads that it starts."""
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in {"to_thread", "run_in_executor", "Thread"}:
                yield node.attr
            elif node.attr in {"getaddrinfo", "getnameinfo"} and of != "socket":
                yield f"loop.{node.attr}"


def test_blocking_calls_go_one_way_into_threads() -> None:
    """The loop's executor is joined when it ends; the writer of files keeps its thread for as long as it lives."""
    users = {module: set(calls_of_threads(path)) for module, path in MODULES.items()}
    expected = {module: {"Thread"} for module in ("runtime.thread_writer", "runtime.threads")}
    assert {module: used for module, used in users.items() if used} == expected
