"""The comments and blank lines of a configuration, in either form, by the numbers of their lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from ldirectord_py.config.lines import MAX_LINE_LENGTH, Line, Text
from ldirectord_py.config.yaml_nodes import LOADER

MAX_SIGNS: Final = 64
"""Number signs of a line that may start its comment."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")


@dataclass(slots=True)
class Comments:
    """``whole``: lines that are comments, or blank (""), by number; ``behind``: the comments behind something else."""

    whole: dict[int, str] = field(default_factory=dict)
    behind: dict[int, str] = field(default_factory=dict)


def comments_of_cf(text: Text, lines: Iterable[Line], same_value: Callable[[Line, str], bool]) -> Comments:
    """Return the comments of an ldirectord.cf; ``same_value`` says whether a line means the same with another value.

    What a ``#`` is in a value depends on its directive, so a comment is what can be left out.
    """
    comments = Comments()
    for number, raw in enumerate(text.text.removeprefix("\ufeff").split("\n"), 1):
        stripped = raw.strip()
        if not stripped or stripped.startswith("#"):
            comments.whole[number] = stripped
    for line in lines:
        if comment := _behind(line, same_value):
            comments.behind[line.number] = comment
    return comments


def _behind(line: Line, same_value: Callable[[Line, str], bool]) -> str:
    signs = [found.start() for found in re.finditer("#", line.value)][:MAX_SIGNS]
    cut = next((at for at in signs if same_value(line, line.value[:at].rstrip())), None)
    return "" if cut is None else line.value[cut:].strip()


def comments_of_yaml(text: Text) -> Comments:
    """Return the comments of a valid file in YAML: what stands in no scalar."""
    contents = text.text.removeprefix("\ufeff")
    ends, inside = _extents(contents)
    comments = Comments()
    for number, raw in enumerate(_LINE_BREAK.split(contents), 1):
        stripped = raw.strip()
        if number in inside:
            continue
        if number not in ends and (not stripped or stripped.startswith("#")):
            comments.whole[number] = stripped
        elif found := _COMMENT.search(raw, ends.get(number, 0)):
            comments.behind[number] = found[0].strip()
    return comments


def _extents(contents: str) -> tuple[Mapping[int, int], set[int]]:
    """Return the column behind the last scalar of each line, and the lines that are inside of a scalar."""
    ends: dict[int, int] = {}
    inside: set[int] = set()
    for event in yaml.parse(contents, Loader=LOADER):
        if not isinstance(event, yaml.ScalarEvent):
            continue
        first: Any = event.start_mark
        last: Any = event.end_mark
        inside.update(range(first.line + 2, last.line + 1))
        if last.column:
            ends[last.line + 1] = last.column
        if last.line > first.line and event.style not in ("|", ">"):
            ends[first.line + 1] = MAX_LINE_LENGTH
    return ends, inside
