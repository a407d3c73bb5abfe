"""YAML as nodes: places, and the parts of YAML that are refused."""

from __future__ import annotations

import contextlib
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.config import yaml_nodes
from ldirectord_py.config.lines import Text
from ldirectord_py.config.yaml_nodes import MAX_NESTING, NodeList, NodeMap, Scalar, compose
from ldirectord_py.errors import ConfigError


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(yaml_nodes, "LOADER", yaml.SafeLoader)


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(Text("a.yaml", text))
    return str(caught.value)


def test_nodes_have_their_places() -> None:
    assert compose(Text("a.yaml", "\ufeffa: yes\nb:\n  - 010\n  - {c: 'x # y'}\n")) == NodeMap(
        [
            (Scalar("a", 1, 1), Scalar("yes", 1, 4)),
            (
                Scalar("b", 2, 1),
                NodeList(
                    [Scalar("010", 3, 5), NodeMap([(Scalar("c", 4, 6), Scalar("x # y", 4, 9))], 4, 5)],
                    3,
                    3,
                ),
            ),
        ],
        1,
        1,
    )


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_an_empty_file(text: str) -> None:
    assert compose(Text("a.yaml", text)) in (None, Scalar("", 2, 1), Scalar("", 1, 4))


def test_a_block_of_one_line_has_no_line_end() -> None:
    root = compose(Text("a.yaml", "a: |\n  text\n"))
    assert isinstance(root, NodeMap)
    assert root.pairs[0][1] == Scalar("text", 1, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", "a.yaml:2:1: a is already set in line 1; remove one of them"),
        ("a: &x 1\nb: *x\n", "a.yaml:2:4: aliases are not supported; write the value itself"),
        ("a: !secret 1\n", "a.yaml:1:4: tags like !secret are not supported; write the value itself"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:1: the file holds a second document; put it into a file of its own"),
        ("[a]: 1\n", "a.yaml:1:1: a key is not a text; write the name of a directive"),
        ("a: \udcff\n", "a.yaml:1:4: this byte is not UTF-8; save the file as UTF-8"),
        ("a:\n  \x07\n", 'a.yaml:2:3: a control character cannot be in YAML; write it as "\\xNN"'),
        (r'a: "b\0c"', "a.yaml:1:4: a text cannot hold U+0000; leave it out"),
        (
            "\ufeffa: 1\nb: \x85\n",
            "a.yaml:2:4: U+0085 is a line break in YAML, but not in a text file; ",
        ),
        ("a: 'b\u2028c'\n", "a.yaml:1:6: U+2028 is a line break in YAML"),
        ("a: 1\r\nb: 2\rc: 3\n", "a.yaml:2:5: U+000D is a line break in YAML"),
        ("a: [1\nb: 2\n", "a.yaml:2:"),
        ("a: 'x\n", "a.yaml:2:1: this is not YAML: "),
        ("\ta: 1\n", "a.yaml:1:1: this is not YAML: "),
        ("[" * (MAX_NESTING + 1), f"a.yaml:1:{MAX_NESTING + 1}: more than {MAX_NESTING} levels are nested; "),
    ],
)
def test_what_is_refused(text: str, expected: str) -> None:
    assert problem(text).startswith(expected)


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "{b: " * 50_000, "? " * 50_000, "- " * 50_000])
def test_deep_nesting_ends_early(text: str) -> None:
    begin = time.process_time()
    found = problem(text)
    assert "levels are nested" in found or "nesting depth" in found
    assert time.process_time() - begin < 1


@given(st.text(st.sampled_from("ab:-#[]{}'\"|>&*!%\\ \n\t,?") | st.characters(), max_size=60))
def test_no_text_raises_anything_but_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        compose(Text("a.yaml", text))
