"""A name means one thing: classes, names of modules and methods are not used for many things at once."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping

from harness.layers import MODULES, nodes, tree

MAX_MEANINGS = 3

# Names that every module of a kind has, verbs of Python's own types, and words that mean the same wherever they stand.
CONVENTIONAL_NAMES = frozenset(("KIND", "T", "__all__", "check", "connect", "logger", "main", "run"))
CONVENTIONAL_METHODS = frozenset(
    (
        *("add", "close", "commit", "discard", "get", "prepare", "read", "run", "send", "start", "stop", "write"),
        *("reload", "rows", "send_goodbye"),
    )
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def own_names(module: ast.Module) -> Iterator[str]:
    """Yield what the module defines at its top level, without what it imports."""
    for node in module.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for module, path in MODULES.items():
        yield from ((module, node) for node in nodes(path) if isinstance(node, ast.ClassDef))


def methods(node: ast.ClassDef) -> set[str]:
    return {item.name for item in node.body if isinstance(item, Function) and not item.name.startswith("__")}


def bases(node: ast.ClassDef) -> set[str]:
    plain = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    return {ast.unparse(base) for base in plain} - {"Protocol", "NamedTuple", "Enum", "ABC", "Generic"}


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(list)
    for module, node in classes():
        places[node.name].append(module)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_name_is_defined_in_many_modules() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module, path in MODULES.items():
        for name in set(own_names(tree(path))) - CONVENTIONAL_NAMES:
            places[name].append(module)
    assert {name: found for name, found in places.items() if len(found) > MAX_MEANINGS} == {}


def families(protocols: Mapping[str, set[str]], node: ast.ClassDef) -> set[str]:
    """Return the name of the class, of its bases, and of the protocols whose methods it has."""
    own = methods(node)
    return {node.name, *bases(node)} | {name for name, wanted in protocols.items() if wanted <= own}


def meanings(owners: list[tuple[str, set[str]]]) -> list[list[str]]:
    """Group the classes that are related, directly or by others."""
    groups: list[tuple[list[str], set[str]]] = []
    for place, family in owners:
        related = [group for group in groups if group[1] & family]
        groups = [group for group in groups if not group[1] & family]
        groups.append(
            ([*(name for group in related for name in group[0]), place], family.union(*(group[1] for group in related)))
        )
    return [places for places, _ in groups]


def test_no_method_name_has_many_meanings() -> None:
    found = list(classes())
    protocols = {
        node.name: methods(node)
        for _, node in found
        if any(ast.unparse(base) == "Protocol" for base in node.bases) and methods(node)
    }
    owners: dict[str, list[tuple[str, set[str]]]] = defaultdict(list)
    for module, node in found:
        for name in {name for name in methods(node) if name.lstrip("_") not in CONVENTIONAL_METHODS}:
            owners[name].append((f"{module}.{node.name}", families(protocols, node)))
    offenders = {name: groups for name, places in owners.items() if len(groups := meanings(places)) > MAX_MEANINGS}
    assert offenders == {}
