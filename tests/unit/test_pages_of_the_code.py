"""The pages about the code name files, classes and functions that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.layers import MODULES, nodes, tree

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / name for name in ("docs/design.md", "docs/development.md", "CONTRIBUTING.md")]
ROOTS = (PROJECT, PROJECT / "ldirectord_py", PROJECT / "tests", PROJECT / "tests/harness")
EXAMPLES = {
    *(
        "ldirectord_py/checks/services/redis.py",
        "tests/unit/checks/services/test_redis.py",
        "tests/service/test_redis.py",
    ),
    *("director.reload", "run.checkpoint"),
}
"""Files that the reader is to make, and methods of the lab."""
LIBRARIES = {"QueueHandler", "WatchedFileHandler", "SysLogHandler"}


def members(node: ast.ClassDef) -> Iterator[str]:
    for item in ast.walk(node):
        match item:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                yield name


@cache
def names_of_the_code() -> set[str]:
    """Return the names of all classes with their members, and of all functions with their modules."""
    found = set()
    for module, path in MODULES.items():
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef):
                found |= {node.name, *(f"{node.name}.{member}" for member in members(node))}
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found |= {f"{'.'.join(module.split('.')[at:])}.{node.name}" for at in range(module.count(".") + 1)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"(?<![\w/.*-])[\w/-]+\.(?:py|pl|pm|c|sh|lock|toml)\b", page.read_text(), re.ASCII))
    plain = {path.name for root in ("tests", "ldirectord_py") for path in (PROJECT / root).rglob("*.*")}
    found = {name for name in named if name in plain or any((root / name).exists() for root in ROOTS)}
    assert named - found - EXAMPLES == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_classes_and_functions_that_a_page_names_exist(page: Path) -> None:
    quoted = re.findall(r"`([\w.]+)(?:\(\))?`", page.read_text())
    drawn = re.findall(r"(?<![\w./])_?[A-Z][a-z]\w*\.\w+\b(?!\.)", page.read_text())
    modules = {name.rpartition(".")[2] for name in MODULES}
    named = {
        name
        for name in (*quoted, *drawn)
        if re.fullmatch(r"_?[A-Z][a-z]\w*(\.\w+)?", name) or ("." in name and name.split(".")[-2] in modules)
    }
    files = {name for name in named if name.endswith((".py", ".pm", ".md", ".html", ".js"))}
    assert named - files - names_of_the_code() - LIBRARIES - EXAMPLES == set()


@cache
def identifiers() -> set[str]:
    """Return the names of all classes, functions, parameters and types of the package, and of its folders."""
    found = {part for module in MODULES for part in module.split(".")}
    for path in MODULES.values():
        for node in nodes(path):
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    found.add(name)
                case ast.arg(arg=name) | ast.Assign(targets=[ast.Name(id=name)]):
                    found.add(name)
    return found


def steps(drawing: str) -> Iterator[str]:
    """Yield the names in the column of names, one or more of them in each line."""
    for line in drawing.splitlines():
        text = re.sub(r"^ (?:[a-z/]+ {2,}|[│├─▶ ]+)", "", line)
        yield from re.findall(r"[A-Za-z_][\w.]*\w(?![\w/]*/)", re.split(" {2,}| ─", text)[0])


@pytest.mark.parametrize("title", ["The life of a probe", "The life of a configuration line"])
def test_each_step_of_a_drawing_is_in_the_code(title: str) -> None:
    page = (PROJECT / "docs/development.md").read_text()
    drawing = page.partition(f"## {title}\n")[2].split("```")[1]
    named = set(steps(drawing))
    assert len(named) > 15
    parts = {part for name in named for part in name.split(".")}
    assert parts - identifiers() - {"ipvs", "py"} == set()
