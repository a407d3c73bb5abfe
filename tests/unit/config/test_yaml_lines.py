"""A configuration in YAML: it is read by the rules of ldirectord.cf, and its mistakes are reported in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ldirectord_py.checks.base import Kind
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.directives import DIRECTIVES
from ldirectord_py.config.lines import MAX_LINE_LENGTH
from ldirectord_py.config.load import load
from ldirectord_py.config.model import Config
from ldirectord_py.config.parse import Parsed, parse
from ldirectord_py.errors import ConfigError

CF = """\
checkinterval = 5
quiescent = yes
execute = b.cf
execute = c.cf
emailalertstatus = starting,stopping
fallback = 127.0.0.1:80 gate
virtual = 192.0.2.1:80
    real = 198.51.100.1:80 gate 3 "x", "y"
    real = 198.51.100.2->198.51.100.4:80 masq l:5 u:9
    service = http
    request = "index.html"
    checktype = on
virtual6 = [2001:db8::1]:80
    real6 = web6:80 masq
    fallback6 = [::1]:80
    checktype = 4
virtual = 7
    protocol = fwm
"""
YAML = """\
virtuals:
  - virtual: 192.0.2.1:80
    reals:
      - 198.51.100.1:80 gate 3 "x", "y"
      - {real: 198.51.100.2->198.51.100.4:80, forward: masq, lower: 5, upper: 9}
    service: http
    request: index.html
    checktype: on
  - virtual6: "[2001:db8::1]:80"
    fallback6: "[::1]:80"
    reals:
      - real6: web6:80
        forward: masq
    checktype: 4
  - virtual: 7
    protocol: fwm
checkinterval: 5   # seconds
quiescent: true
execute:
  - b.cf
  - c.cf
emailalertstatus: [starting, stopping]
fallback: 127.0.0.1:80 gate
"""


@pytest.fixture
def read(names: Names, kinds: Mapping[str, Kind]) -> object:
    return lambda text, file="a.yaml": parse(text, file, names, kinds)


class Reader:
    """Reads texts as files of one name."""

    def __init__(self, names: Names, kinds: Mapping[str, Kind]) -> None:
        self._names = names
        self._kinds = kinds

    def __call__(self, text: str, file: str = "a.yaml") -> Parsed:
        return parse(text, file, self._names, self._kinds)

    def problems(self, text: str) -> list[str]:
        """Return the problems of a text, an error among them."""
        with pytest.raises(ConfigError) as caught:
            self(text)
        return [str(problem) for problem in caught.value.problems]

    def virtual(self, lines: str) -> str:
        """Return the only problem of a virtual with these lines."""
        (problem,) = self.problems(f"virtuals:\n  - virtual: 192.0.2.1:80\n    {lines}\n")
        return problem


@pytest.fixture
def reader(names: Names, kinds: Mapping[str, Kind]) -> Reader:
    return Reader(names, kinds)


def test_it_means_the_same_as_ldirectord_cf(reader: Reader) -> None:
    assert reader(YAML).config == reader(CF, "a.cf").config
    assert reader(YAML).hosts == reader(CF, "a.cf").hosts
    assert reader(YAML).warnings == ()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "virtuals:\n", "virtuals: []\n"])
def test_an_empty_file_is_an_empty_configuration(text: str, reader: Reader) -> None:
    assert reader(text).config == Config()


@pytest.mark.parametrize("value", ['"a # b"', "'say \"hi\"'", '"tab\\tstop"', '" spaced "', '"\\""', "a#b", "#"])
def test_a_value_is_exact(value: str, reader: Reader) -> None:
    quoted = value if value[0] in "'\"" else f'"{value}"'
    (virtual,) = reader(f"virtuals:\n  - {{virtual: 1, service: http, receive: {quoted}}}\n").config.virtuals
    expected = {"'say \"hi\"'": 'say "hi"', '"tab\\tstop"': "tab    stop", '"\\""': '"'}
    assert virtual.receive == expected.get(value, value.strip('"'))


def test_strings_that_ldirectord_cf_cannot_tell_apart(reader: Reader) -> None:
    text = """virtuals: [{virtual: 1, reals: [{real: 10.0.0.1, forward: gate, request: a, receive: '"b", "c"'}]}]"""
    (real,) = reader(text).config.virtuals[0].reals
    assert (real.request, real.receive) == ("/a", '"b", "c"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("checkinterval: 0", "a.yaml:1:16: checkinterval must be from 0.1 to 2147483647; correct the number"),
        (
            "checkinterval:",
            "a.yaml:1:15: checkinterval needs a number; write checkinterval: SECONDS, from 0.1 to 2147483647",
        ),
        ("fork: maybe", 'a.yaml:1:7: fork must be yes or no, not "maybe"; write fork: yes or fork: no'),
        ("chekinterval: 5", 'a.yaml:1:1: there is no directive "chekinterval"; did you mean "checkinterval"?'),
        ("request: x", "a.yaml:1:1: request belongs to a virtual, and there is none above; move it into one"),
        ("reals: []", "a.yaml:1:1: reals belongs to a virtual; move it into one"),
        ("virtual: 1", "a.yaml:1:1: virtual stands outside of a list; write virtuals and a list of virtuals"),
        ("virtuals: {}", "a.yaml:1:11: virtuals is not a list; begin each item with a hyphen"),
        ("virtuals: [a]", "a.yaml:1:12: this is not a virtual; see the section on YAML of ldirectord.cf(5)"),
        ("virtuals: [{}]", "a.yaml:1:12: this item has neither virtual nor virtual6; write one of them"),
        ("virtuals: [{virtual: 1, virtual6: 1}]", "a.yaml:1:25: this item has both virtual and virtual6; write one"),
        ("fork: [yes]", "a.yaml:1:7: fork is one value and no list or mapping; write a text or a number"),
        ("execute: [[a]]", "a.yaml:1:11: execute is one value and no list or mapping; write a text or a number"),
        ("emailalertstatus: [[a]]", "a.yaml:1:19: emailalertstatus is one value and no list or mapping; "),
        ("- a", "a.yaml:1:1: the file is not a mapping of directives; see the section on YAML of"),
        (
            "just text",
            "a.yaml:1:1: the file is not a mapping of directives; see the section on YAML of",
        ),
        (r'"a\nb": [c]', r"a.yaml:1:9: a\nb is one value and no list or mapping; write a text or a number"),
        (
            r'virtuals: [{virtual: 1, reals: [{real: 10.0.0.1:80, forward: gate, "m\nn": 1}]}]',
            r'a.yaml:1:68: a real server has no "m\nn"; write some of forward',
        ),
        (r'autoreload: "a\eb\Lc"', r'a.yaml:1:13: autoreload must be yes or no, not "a\x1bb\u2028c"; write'),
        ("callback: |\n  a\n  b\n", "a.yaml:1:11: the value of callback has several lines; write one line"),
        (
            f"callback: {'x' * (MAX_LINE_LENGTH + 1)}",
            "a.yaml:1:11: the value has more than 65536 characters; shorten it",
        ),
        ("a: [", "a.yaml:2:1: this is not YAML: "),
    ],
)
def test_mistakes(text: str, expected: str, reader: Reader) -> None:
    (problem,) = reader.problems(text if text == "a: [" else f"{text}\n")
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("fork: yes", "a.yaml:3:5: fork holds for the whole daemon and not for one virtual; move it to the top"),
        ("virtuals: []", "a.yaml:3:5: virtuals cannot be inside a virtual; move it to the first column"),
        ("checkport: 0", "a.yaml:3:16: checkport must be from 1 to 65535; correct the number"),
        ("fallback6: '[::1]:80'", "a.yaml:3:16: fallback6 cannot be used in a virtual; write fallback: ..."),
        ("reals: 10.0.0.1", "a.yaml:3:12: reals is not a list; begin each item with a hyphen"),
        ("reals: [10.0.0.1:80 bridge]", 'a.yaml:3:25: the forwarding method cannot be "bridge"; '),
        ("reals: [[]]", "a.yaml:3:13: this is not a real server; write real and its address, or a text as in"),
        ("reals: [{forward: gate}]", "a.yaml:3:13: this is not a real server; write real and its address"),
    ],
)
def test_mistakes_in_a_virtual(lines: str, expected: str, reader: Reader) -> None:
    assert reader.virtual(lines).startswith(expected)


def test_every_mistake_is_reported_in_the_order_of_the_file(reader: Reader) -> None:
    problems = reader.problems("virtuals:\n  - virtual: 1\n    checkport: x\n  - virtual: 1\nfork: x\n")
    assert [problem.split(": ")[0] for problem in problems] == ["a.yaml:3:16", "a.yaml:4:14", "a.yaml:5:7"]


def test_both_forms_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(
        "include: [globals.cf]\nvirtuals:\n  - virtual: 1\n  - include: more.d/*\n  - virtual: 2\n"
    )
    (tmp_path / "globals.cf").write_text("checkinterval = 7\ninclude = last.yml\n")
    (tmp_path / "last.yml").write_text("virtuals: [{virtual: 9}]\n")
    (tmp_path / "more.d").mkdir()
    (tmp_path / "more.d" / "3.cf").write_text("virtual = 3\n")
    (tmp_path / "more.d" / "4.yaml").write_text("virtuals: [{virtual: 4}]\nfailurecount: 3\n")
    config = load(tmp_path / "main.yaml").config
    assert [virtual.id for virtual in config.virtuals] == ["fwm:9", "fwm:1", "fwm:3", "fwm:4", "fwm:2"]
    assert (config.settings.checkinterval, config.virtuals[0].failurecount) == (7, 3)


def test_a_mistake_in_an_included_file_is_found_there(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text("include = a.yaml\n")
    (tmp_path / "a.yaml").write_text("fork: x\n")
    with pytest.raises(ConfigError, match=rf"^{tmp_path}/a.yaml:1:7: fork must be yes or no"):
        load(tmp_path / "main.cf")


def test_a_name_that_does_not_resolve_now_is_found_in_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "main.yaml"
    path.write_text("virtuals:\n  - virtual: 1\n    reals: [web1 gate]\n")
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: [(0, 0, 0, "", ("203.0.113.1", 0))])
    known = load(path).hosts
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: [])
    (warning,) = load(path, known).warnings
    assert str(warning).startswith(f'{path}:3:13: warning: the host name "web1" does not resolve now')


keys = st.sampled_from([*sorted(DIRECTIVES), "virtuals", "reals", "forward", "weight", "x"]) | st.text(max_size=5)
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(["10.0.0.1:80", "gate"])
nodes = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)
virtuals = st.lists(st.fixed_dictionaries({"virtual": st.integers(1, 3)}, optional={"reals": nodes, "service": nodes}))


@given(st.dictionaries(keys, nodes, max_size=5) | st.builds(dict, virtuals=virtuals, checktype=nodes))
@example({"autoreload": ["\x85\x85"], "callback": []})
def test_no_tree_makes_parse_raise_anything_but_its_own_error(tree: object) -> None:
    text = yaml.safe_dump(tree, allow_unicode=True)
    try:
        parsed = parse(text, "any.yaml", Names(hostname="director"), KINDS)
        found = parsed.warnings
    except ConfigError as error:
        found = error.problems
    assert all(1 <= problem.line <= text.count("\n") + 1 and problem.column >= 1 for problem in found)


@pytest.mark.difference("A file called `*.yaml` or `*.yml`")
def test_texts_of_other_names_are_not_yaml(names: Names, kinds: Mapping[str, Kind]) -> None:
    for text, file, other in (("checkinterval: 5\n", "a.yml", "a.cf"), ("checkinterval = 5\n", "a.cf", "a.yaml")):
        assert parse(text, file, names, kinds).config.settings.checkinterval == 5
        with pytest.raises(ConfigError):
            parse(text, other, names, kinds)
