"""Lines of a file: their places, names and values, and problems of the whole text."""

from __future__ import annotations

import pytest

from ldirectord_py.config.lines import MAX_LINE_LENGTH, Line, Text, file_warnings, split_lines


def lines(text: str) -> list[Line]:
    return list(split_lines(Text("a.cf", text)))


def warnings(text: str) -> list[str]:
    return [str(problem) for problem in file_warnings(Text("a.cf", text))]


def test_comments_and_blank_lines_are_skipped() -> None:
    assert [(line.number, line.name, line.gap) for line in lines("a=1\n# b\n \t\nc=2\nd")] == [
        (1, "a", False),
        (4, "c", True),
        (5, "d", False),
    ]


@pytest.mark.parametrize(
    ("text", "indent", "start", "column", "value"),
    [
        ("name=value # x ", 0, 1, 6, "value # x "),
        ("  name = value", 2, 3, 10, "value"),
        ("\tname=value", 4, 2, 7, "value"),
        (" \t name=", 6, 4, 9, ""),
    ],
)
def test_a_tab_counts_four_columns_of_indentation_and_one_of_a_place(
    text: str, indent: int, start: int, column: int, value: str
) -> None:
    assert lines(text) == [Line(1, indent, start, "name", True, value, column, False, "a.cf")]


def test_a_name_without_a_sign_keeps_the_rest_as_its_value() -> None:
    (line,) = lines("supervised yes")
    assert (line.name, line.equals, line.value) == ("supervised", False, "yes")


def test_a_line_is_named_with_its_file_only_from_another() -> None:
    first, second = lines("a=1\nb=2")
    other = first._replace(file="b.cf")
    assert (first.seen_from(second), first.seen_from(other)) == ("line 1", "line 1 of a.cf")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1\n", []),
        ("\ufeffa=1", ["a.cf:1:1: warning: the file starts with a byte order mark; save it without one"]),
        ("a=1\nb=2\r\n", ["a.cf:2:1: warning: the line ends in CR LF; convert the file, for instance with dos2unix"]),
        ("a\n\0", ["a.cf:2:1: the line holds a NUL: this is not a text file; save it as plain text"]),
        ("a\n" + "x" * MAX_LINE_LENGTH, []),
        (
            "a\n" + "x" * (MAX_LINE_LENGTH + 1),
            [f"a.cf:2:1: the line has more than {MAX_LINE_LENGTH} characters; split it"],
        ),
    ],
    ids=["none", "mark", "line ends", "nul", "long", "too long"],
)
def test_problems_of_the_whole_text_are_reported(text: str, expected: list[str]) -> None:
    assert warnings(text) == expected
