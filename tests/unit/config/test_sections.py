"""Which virtual a line belongs to, or whether it belongs to the daemon."""

from __future__ import annotations

import pytest

from ldirectord_py.config.include import Includes, NoFiles
from ldirectord_py.config.lines import Text
from ldirectord_py.config.sections import MAX_HINTS, split_sections
from ldirectord_py.errors import Problem


def split(text: str) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the names of the daemon's lines, those of each virtual, and what is reported."""
    problems: list[Problem] = []
    stream = Includes(NoFiles(), problems).expand(Text("a.cf", text))
    sections = split_sections(stream, problems)
    virtuals = [[line.name for _, line in section.entries] for section in sections.virtuals]
    return [line.name for _, line in sections.globals], virtuals, [str(problem) for problem in problems]


def test_indented_lines_belong_to_the_virtual_above_and_others_to_the_daemon() -> None:
    text = "fork=no\nvirtual=1\n    real=a gate\n    pe=sip\nquiescent=yes\nvirtual=2\n\treal=b gate\n"
    assert split(text) == (["fork", "quiescent"], [["real", "pe"], ["real"]], [])


def test_a_line_that_only_virtuals_have_belongs_to_the_virtual_above_also_unindented() -> None:
    names, virtuals, problems = split("virtual=1\nreal=a gate\nservice=http\nquiescent=yes\n")
    assert (names, virtuals) == (["quiescent"], [["real", "service"]])
    assert [problem.rpartition(";")[0] for problem in problems] == [
        "a.cf:2:1: warning: real is not indented; it is read as part of the virtual of line 1",
        "a.cf:4:1: warning: quiescent is not indented and holds for all virtuals",
    ]


def test_an_include_ends_a_virtual() -> None:
    names, virtuals, problems = split("virtual=1\n    pe=sip\ninclude=x*.cf\n    pe=none\n")
    assert (names, virtuals) == ([], [["pe"]])
    assert problems == [
        (
            "a.cf:4:5: the include in line 3 ends the virtual of line 1, so pe belongs to none;"
            " include below the virtual's last line"
        )
    ]


def test_matters_of_style_are_reported_once_in_a_section() -> None:
    problems = split("virtual=1\n  pe=sip\n\n  ops=yes\n\n  load=1\n")[2]
    assert [problem.split(";")[0] for problem in problems] == [
        "a.cf:2:3: warning: the line is indented by 2 columns only",
        "a.cf:4:3: warning: there is a blank line inside the virtual of line 1",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("real=a gate", "a.cf:1:1: real belongs to a virtual, and there is none above; move it into one"),
        (
            "virtual=1\n    fork=no",
            (
                "a.cf:2:5: fork holds for the whole daemon and not for one virtual;"
                " move it to the top of the file, not indented"
            ),
        ),
        ("fork no", 'a.cf:1:1: "=" is missing behind fork; write fork=VALUE'),
        ("timeout=1", "a.cf:1:1: timeout is no directive any more; write checktimeout and negotiatetimeout instead"),
        ("[web]", "a.cf:1:1: ldirectord.cf has no sections like [web]; remove the line"),
        ("forc=no", 'a.cf:1:1: there is no directive "forc"; did you mean "fork"?'),
        ("passwdSesame", 'a.cf:1:1: there is no directive "passwd..."; did you mean "passwd"?'),
    ],
)
def test_a_line_that_belongs_nowhere_is_an_error(text: str, problem: str) -> None:
    assert split(text)[2] == [problem]


def test_only_so_many_unknown_words_get_a_suggestion() -> None:
    problems = split("sheduler=rr\n" * (MAX_HINTS + 5))[2]
    assert len([problem for problem in problems if "did you mean" in problem]) == MAX_HINTS
    assert len(problems) == MAX_HINTS + 5
