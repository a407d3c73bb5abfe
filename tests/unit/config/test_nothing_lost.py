"""Nothing in a file vanishes: each head and each server comes out, or a problem stands at its line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.build import build
from ldirectord_py.config.include import Texts
from ldirectord_py.config.lines import Text
from ldirectord_py.config.model import Config
from ldirectord_py.config.parse import parse
from ldirectord_py.config.syntax import read_syntax
from ldirectord_py.config.virtual_checks import VirtualRules
from ldirectord_py.errors import Problem, Severity

NAMES = Names(hostname="director")
TAB_IN_RECEIVE = """\
virtual=10.0.0.1:80
\treal=10.0.0.2:80 gate 1
\tchecktype=connect
virtual=10.0.0.2:80
\treal=10.0.0.3:80 gate 1 "index.html", "a\tb"
\tservice=http
virtual=10.0.0.3:80
\treal=10.0.0.4:80 gate
\tchecktype=connect
"""

_NAMED = re.compile(r"[ \t\r\f\v]*(virtual|real)[ \t\r\f\v]*=", re.ASCII)


@dataclass
class Head:
    """A head of a file and its real lines, by their numbers."""

    number: int
    reals: list[int] = field(default_factory=list)


def heads(text: str) -> list[Head]:
    """Return the heads and real lines of a file, as anybody would count them."""
    found: list[Head] = []
    for number, line in enumerate(text.split("\n"), 1):
        match _NAMED.match(line):
            case re.Match() as named if named[1] == "virtual":
                found.append(Head(number))
            case re.Match() if found:
                found[-1].reals.append(number)
    return found


def configuration(text: str) -> tuple[Config, list[Problem]]:
    """Return what can be read of a file, and all that is wrong with it."""
    problems: list[Problem] = []
    tree = read_syntax(Texts(Text("any.cf", text)), KINDS, problems)
    return build(tree, NAMES, VirtualRules(KINDS, lambda _: True, problems)), problems


def spoken_of(problems: list[Problem]) -> set[int]:
    """Return the lines that have an error, or a warning that the server is left out."""
    return {
        problem.line
        for problem in problems
        if problem.severity is Severity.ERROR or problem.what.endswith("the server is left out")
    }


ODD = [
    "\t",
    '"',
    "'",
    "#",
    "\\",
    "(",
    "=",
    " ",
    "\r",
    "\v",
    "\x85",
    "\u2028",
    "\xfc",
    "\udcfc",
    "\udce9\udcff",
    "x" * 70000,
]
odd_text = st.lists(st.sampled_from(["a", "ok", "1", ", ", *ODD[:-1]]), max_size=6).map("".join)
pairs = st.builds(' "{}", "{}"'.format, odd_text, odd_text)
endings = st.sampled_from(["", " 1", " 7 l:1 u:9"])
options = st.builds(
    "\t{} = {}\n".format,
    st.sampled_from(["request", "receive", "service", "checktype", "comment", "passwd", "scheduler"]),
    st.builds('"{}"'.format, odd_text) | odd_text | st.sampled_from(["http", "connect", "negotiate"]),
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return a file in which no two virtuals or servers have the same address."""
    text, count = "", 0
    for virtual in range(draw(st.integers(1, 4))):
        text += f"virtual=10.0.1.{virtual}:80\n"
        for _ in range(draw(st.integers(0, 3))):
            count += 1
            text += f"\treal=10.0.2.{count}:80 gate{draw(st.just('') | endings)}{draw(st.just('') | pairs)}\n"
        text += "".join(draw(st.lists(options, max_size=3)))
    return text


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Return a file with a few characters inserted, removed or doubled."""
    text = draw(files())
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 3))
        text = text[:at] + draw(st.sampled_from(["", "\n", *ODD])) + text[at + length :]
    return text


@given(mutated())
@example(TAB_IN_RECEIVE)
def test_every_head_and_every_server_comes_out_or_is_spoken_of(text: str) -> None:
    config, problems = configuration(text)
    spoken = spoken_of(problems)
    good = [head for head in heads(text) if head.number not in spoken]
    assert len(config.virtuals) >= len(good)
    if not any(problem.severity is Severity.ERROR for problem in problems):
        expected = [len([line for line in head.reals if line not in spoken]) for head in good]
        assert [len(virtual.reals) for virtual in config.virtuals] == expected


def test_a_tab_in_the_receive_of_a_server_drops_no_virtual() -> None:
    config = parse(TAB_IN_RECEIVE, "any.cf", NAMES, KINDS).config
    assert [virtual.id for virtual in config.virtuals] == ["tcp:10.0.0.1:80", "tcp:10.0.0.2:80", "tcp:10.0.0.3:80"]
    assert config.virtuals[1].reals[0].receive == "a    b"


def test_a_wrong_pattern_with_a_tab_is_refused_at_its_line() -> None:
    config, problems = configuration(TAB_IN_RECEIVE.replace("a\tb", "a\t(b"))
    assert [(problem.line, problem.what.split(":")[0]) for problem in problems] == [
        (5, "the pattern to receive is not valid")
    ]
    assert len(config.virtuals) == 3
