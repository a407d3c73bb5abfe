"""A configuration in YAML as the lines of ldirectord.cf, with exact values, so that both are read by the same rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ldirectord_py.config.lines import MAX_LINE_LENGTH, TAB, Line, Text
from ldirectord_py.config.yaml_nodes import Node, NodeList, NodeMap, Scalar, compose
from ldirectord_py.errors import ConfigError, Problem

VIRTUALS, REALS, INCLUDE = "virtuals", "reals", "include"
HEADERS: Final = ("virtual", "virtual6")
LISTS: Final = frozenset(("execute", INCLUDE))
"""Directives that ldirectord.cf may have several times: a list is as many lines."""
JOINED: Final = frozenset(("emailalertstatus", "expectstatus", "schedflags"))
"""Directives with several words: a list is one value with commas."""

_FORM = "see the section on YAML of ldirectord.cf(5)"


def yaml_lines(text: Text, problems: list[Problem]) -> list[Line]:
    """Return the lines of a file in YAML: first the daemon's, then those of the virtuals; appends Problems."""
    try:
        root = compose(text)
    except ConfigError as error:
        problems.extend(error.problems)
        return []
    return list(_Lines(text.file, problems).of_file(root))


class _Lines:
    """Turns the nodes of a file into lines; appends a Problem for each that is none."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems

    def of_file(self, root: Node | None) -> Iterator[Line]:
        if root is None or (isinstance(root, Scalar) and not root.text):
            return
        if not isinstance(root, NodeMap):
            self._error(root, "the file is not a mapping of directives", _FORM)
            return
        for key, value in root.pairs:
            if key.text in HEADERS:
                self._error(key, f"{key.text} stands outside of a list", f"write {VIRTUALS} and a list of virtuals")
            elif key.text == REALS:
                self._error(key, f"{REALS} belongs to a virtual", "move it into one")
            elif key.text != VIRTUALS:
                yield from self._directive(key, value, 0)
        for key, value in root.pairs:
            if key.text == VIRTUALS:
                for item in self._items(key, value):
                    yield from self._item(item)

    def _items(self, key: Scalar, value: Node) -> list[Node]:
        if isinstance(value, NodeList):
            return value.items
        if not isinstance(value, Scalar) or value.text:
            self._error(value, f"{key.text} is not a list", "begin each item with a hyphen")
        return []

    def _item(self, item: Node) -> Iterator[Line]:
        """Yield the lines of a virtual, or the ``include`` between two virtuals."""
        if not isinstance(item, NodeMap):
            self._error(item, "this is not a virtual", _FORM)
            return
        if [key.text for key, _ in item.pairs] == [INCLUDE]:
            yield from self._directive(*item.pairs[0], 0)
            return
        headers = [(key, value) for key, value in item.pairs if key.text in HEADERS]
        if len(headers) != 1:
            what = "has both virtual and virtual6" if headers else "has neither virtual nor virtual6"
            self._error(headers[1][0] if headers else item, f"this item {what}", "write one of them")
            return
        header = headers[0][0].text
        yield from self._directive(*headers[0], 0)
        for key, value in item.pairs:
            if key.text == REALS:
                for real in self._items(key, value):
                    yield from self._real(real, "real6" if header == "virtual6" else "real")
            elif key.text == VIRTUALS:
                self._error(key, f"{VIRTUALS} cannot be inside a virtual", "move it to the first column")
            elif key.text != header:
                yield from self._directive(key, value, TAB)

    def _real(self, item: Node, name: str) -> Iterator[Line]:
        """Yield the line of a real server: a mapping, or the text that ``real`` has in ldirectord.cf."""
        if isinstance(item, Scalar):
            yield from self._line(Scalar(name, item.line, item.column), item, TAB)
            return
        servers = [pair for pair in item.pairs if pair[0].text.startswith("real")] if isinstance(item, NodeMap) else []
        if not isinstance(item, NodeMap) or len(servers) != 1:
            self._error(
                item, "this is not a real server", f"write {name} and its address, or a text as in ldirectord.cf"
            )
            return
        parts = [each for key, value in item.pairs if key != servers[0][0] for each in self._one_line(key, value, TAB)]
        yield from (line._replace(parts=tuple(parts)) for line in self._one_line(*servers[0], TAB))

    def _directive(self, key: Scalar, value: Node, indent: int) -> Iterator[Line]:
        if isinstance(value, NodeList) and key.text in LISTS:
            for item in value.items:
                yield from self._one_line(Scalar(key.text, item.line, item.column), item, indent)
        elif (
            isinstance(value, NodeList) and key.text in JOINED and all(isinstance(each, Scalar) for each in value.items)
        ):
            words = ",".join(each.text for each in value.items if isinstance(each, Scalar))
            yield from self._line(key, Scalar(words, value.line, value.column), indent)
        else:
            yield from self._one_line(key, value, indent)

    def _one_line(self, key: Scalar, value: Node, indent: int) -> Iterator[Line]:
        if isinstance(value, Scalar):
            yield from self._line(key, value, indent)
        else:
            self._error(value, f"{key.text[:40]} is one value and no list or mapping", "write a text or a number")

    def _line(self, key: Scalar, value: Scalar, indent: int) -> Iterator[Line]:
        if "\n" in value.text:
            self._error(value, f"the value of {key.text[:40]} has several lines", "write one line")
        elif len(value.text) > MAX_LINE_LENGTH:
            self._error(value, f"the value has more than {MAX_LINE_LENGTH} characters", "shorten it")
        else:
            place = (key.line, indent, key.column, key.text)
            yield Line(*place, True, value.text, value.column, False, self._file, exact=True)

    def _error(self, node: Node, what: str, hint: str) -> None:
        self._problems.append(Problem(self._file, node.line, node.column, what, hint))
