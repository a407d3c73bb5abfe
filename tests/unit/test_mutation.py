"""What mutation testing says of the tests (``make mutation``); mutmut is not needed."""

from __future__ import annotations

import types

import pytest

from harness.layers import MODULES
from mutation.modules import NEIGHBOURS, files_of_tests
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


def test_an_explanation_is_that_of_all_names_above_it() -> None:
    assert parse(["a: b", "a: c", "    why", "", "d: e", "    because"]) == {
        "a: b": "why",
        "a: c": "why",
        "d: e": "because",
    }
    for lines in (["    why"], ["a: b", "    why", "c: d"]):
        with pytest.raises(ValueError, match="explanation"):
            parse(lines)


@pytest.mark.parametrize("module", NEIGHBOURS)
def test_each_module_has_its_tests_and_explanations_quote_it(module: str) -> None:
    assert all(file.exists() for file in files_of_tests(module))
    source = collapsed(MODULES[module].read_text())
    assert [name for name in explanations(module) if original(name) not in source] == []


def test_no_explanations_are_left_over() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} <= NEIGHBOURS.keys()
