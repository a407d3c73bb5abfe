"""Comments of both forms: what is in a value is none."""

from __future__ import annotations

import pytest
import yaml

from ldirectord_py.config.comments import Comments, comments_of_cf, comments_of_yaml
from ldirectord_py.config.lines import Line, Text, split_lines

needs_libyaml = pytest.mark.skipif(not yaml.__with_libyaml__, reason="only libyaml takes a tab before a value")


def same(line: Line, value: str) -> bool:
    """Return whether a quoted value stays closed."""
    return value.count('"') % 2 == 0 and bool(value) is bool(line.value.partition("#")[0])


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("fork=no # a", {1: "# a"}),
        ("fork=no#a#b", {1: "#a#b"}),
        ('receive="a # b" # c', {1: "# c"}),
        ('receive="a # b"', {}),
        ("fork=no", {}),
    ],
)
def test_of_ldirectord_cf(text: str, behind: dict[int, str]) -> None:
    source = Text("a.cf", text)
    assert comments_of_cf(source, split_lines(source), same) == Comments({}, behind)


def test_whole_lines_of_ldirectord_cf() -> None:
    source = Text("a.cf", "\ufeff# a\n\n  # b\r\nfork=no\n")
    assert comments_of_cf(source, split_lines(source), same).whole == {1: "# a", 2: "", 3: "# b", 5: ""}


@pytest.mark.parametrize(
    ("text", "whole", "behind"),
    [
        ("a: 1 # b", {}, {1: "# b"}),
        ("a: x#y", {}, {}),
        pytest.param("a: \t1 # b", {}, {1: "# b"}, marks=needs_libyaml),
        ("a: 'x # y' # z", {}, {1: "# z"}),
        ("a: {b: '# c'} # d", {}, {1: "# d"}),
        ("a: # b\n  - 1\n  # c\n  - 2 # d", {3: "# c"}, {1: "# b", 4: "# d"}),
        ("a: 'x # y\n\n  # z' # w", {}, {3: "# w"}),
        ("a: |\n  x # y\n\n  # z\nb: 1 # w", {}, {5: "# w"}),
        ("a: | # x\n  y\n# z", {3: "# z"}, {1: "# x"}),
        ("# a\r\n\r\nb: 1 # c\r\n", {1: "# a", 2: "", 4: ""}, {3: "# c"}),
    ],
)
def test_of_yaml(text: str, whole: dict[int, str], behind: dict[int, str]) -> None:
    assert comments_of_yaml(Text("a.yaml", text)) == Comments(whole, behind)
