"""What mutation testing says of the tests (``make mutation``); mutmut is not needed."""

from __future__ import annotations

import os
import time
import types
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest

from harness.layers import MODULES
from mutation import forks
from mutation.forks import NotTriedError, forked, killer
from mutation.modules import LEFT_OUT, TEST_FILES, files_of_tests
from mutation.names import collapsed, marked, original
from mutation.survivors import FOLDER, explanations, parse
from mutation.swap import functions, live_functions, swap, swaps

OLD = """
class A:
    def rose(self, n):
        return n < 3 and self.up(n)

    @property
    def both(self):
        return [
            1,
            2,
        ]

last = lambda: 5
"""


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("n < 3 and", "n <= 3 and", "return n <{+=+} 3 and self.up(n)"),
        ("and", "or", "return n < 3 [-and-]{+or+} self.up(n)"),
        ("self.up(n)", "self.up()", "return n < 3 and self.up([-n-])"),
        ("            2,\n", "", "1, [-2,-]"),
        ("5", "None", "last = lambda: [-5-]{+None+}"),
    ],
)
def test_the_name_of_a_mutant_shows_its_line_and_quotes_the_source(old: str, new: str, name: str) -> None:
    assert marked(OLD, OLD.replace(old, new, 1)) == name
    assert original(f"A.rose: {name}") in collapsed(OLD)


def test_a_function_is_swapped_where_it_lives() -> None:
    module = types.ModuleType("changed")
    exec(compile(OLD, "changed.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102  as an import does
    live = live_functions("changed.py")
    found = module.A()
    swap(swaps(OLD, OLD.replace("2,", "7,").replace("5", "6"), "changed.py"), live)
    assert (found.both, module.last()) == ([1, 7], 6)


def test_only_the_functions_that_differ_are_swapped() -> None:
    changed = swaps(OLD, OLD.replace("< 3", "< 4"), "changed.py")
    assert [(each.old.co_qualname, each.new.co_qualname) for each in changed] == [("A.rose", "A.rose")]
    assert [code.co_name for code in functions(compile(OLD, "changed.py", "exec"))] == ["rose", "both", "<lambda>"]
    assert swaps(OLD, OLD, "changed.py") == []


WITH_SUPER = """
class B(list):
    def first(self):
        return super().__getitem__(0)
"""


def test_code_that_needs_its_class_no_more_is_swapped_too() -> None:
    module = types.ModuleType("changed")
    exec(compile(WITH_SUPER, "closure.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102  as an import does
    found = module.B([3, 4])
    assert found.first() == 3
    changed = WITH_SUPER.replace("super().__getitem__(0)", "None")
    swap(swaps(WITH_SUPER, changed, "closure.py"), live_functions("closure.py"))
    assert found.first() is None


def run_of(*sent: int | None, status: int = 0) -> Callable[[Connection], None]:
    """Return a run of a mutant that sends the numbers of its tests and ends so."""

    def run(connection: Connection) -> None:
        for number in sent:
            connection.send(number)
        os._exit(status)

    return run


def test_the_killer_of_a_mutant_is_the_test_that_began_last() -> None:
    assert killer(forked(run_of(4, 2, status=1)), [0.0] * 5) == 2
    assert killer(forked(run_of(4, 2, None)), [0.0] * 5) is None


def test_a_test_of_a_mutant_that_takes_too_long_kills_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "TEST_TIMEOUT", 0.05)

    def run(connection: Connection) -> None:
        connection.send(0)
        time.sleep(600)

    assert killer(forked(run), [0.0]) == 0


def test_an_exception_that_leaves_a_test_kills_the_mutant() -> None:
    def run(connection: Connection) -> None:
        connection.send(0)
        raise KeyboardInterrupt

    assert killer(forked(run), [0.0]) == 0


def test_a_mutant_of_which_no_test_began_was_not_tried() -> None:
    def fail(_: Connection) -> None:
        raise ValueError("the code cannot be swapped")

    with pytest.raises(NotTriedError, match="the code cannot be swapped"):
        killer(forked(fail), [])
    with pytest.raises(NotTriedError, match="no test of a mutant began: it ended"):
        killer(forked(run_of(status=1)), [])


def test_a_mutant_that_begins_no_test_in_time_was_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "FIRST_TEST_TIMEOUT", 0.05)
    with pytest.raises(NotTriedError, match="took too long"):
        killer(forked(lambda _: time.sleep(600)), [])


def test_an_explanation_is_that_of_all_names_above_it() -> None:
    assert parse(["a: b", "a: c", "    why", "", "d: e", "    because"]) == {
        "a: b": "why",
        "a: c": "why",
        "d: e": "because",
    }
    for lines in (["    why"], ["a: b", "    why", "c: d"]):
        with pytest.raises(ValueError, match="explanation"):
            parse(lines)


@pytest.mark.parametrize("module", TEST_FILES)
def test_each_module_has_its_tests_and_explanations_quote_it(module: str) -> None:
    assert all(file.exists() for file in files_of_tests(module))
    source = collapsed(MODULES[module].read_text())
    assert [name for name in explanations(module) if original(name) not in source] == []


def test_no_explanations_are_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} <= TEST_FILES.keys()


@pytest.mark.parametrize("package", ["ipvs.netlink", "daemon.reconciler"])
def test_each_module_of_these_packages_is_tried_or_left_out_for_a_reason(package: str) -> None:
    modules = {module for module in MODULES if module.startswith(f"{package}.")}
    tried, left_out = modules & TEST_FILES.keys(), modules & LEFT_OUT.keys()
    assert (tried | left_out, tried & left_out) == (modules, set())
    assert LEFT_OUT.keys() <= MODULES.keys()
