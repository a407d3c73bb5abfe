"""YAML to nodes with their places, in bounded depth. There are no types: the value of a scalar is its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import yaml

from ldirectord_py.config.lines import Text
from ldirectord_py.errors import ConfigError, Problem

MAX_NESTING: Final = 16
"""Lists and mappings inside each other."""

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast, and optional
_SURROGATE = re.compile("[\ud800-\udfff]")
_ODD_BREAK = re.compile("[\x85\u2028\u2029]|\r(?!\n)")
"""Line breaks to YAML, but to no editor: the lines in errors would be wrong."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
"""Characters that no file name and no argument can have. libyaml lets only the escape of a NUL through."""
_ENDS = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
_PLAIN_HINT = "write the value itself"


class Scalar(NamedTuple):
    """A text and the place where it starts; lines and columns count from 1."""

    text: str
    line: int
    column: int


class NodeList(NamedTuple):
    """A list, and the place where it starts."""

    items: list[Node]
    line: int
    column: int


class NodeMap(NamedTuple):
    """Keys and values in the order of the file, no key twice, and the place where the first starts."""

    pairs: list[tuple[Scalar, Node]]
    line: int
    column: int


Node = Scalar | NodeList | NodeMap


def compose(text: Text) -> Node | None:
    """Return the node of a document, None for an empty one; raises ConfigError for what is no YAML of this kind."""
    composer = _Composer(text.file)
    for event in _events(text):
        composer.add(event)
    return composer.root[0] if composer.root else None


def _events(text: Text) -> Iterator[Any]:
    contents = text.text.removeprefix("\ufeff")
    if surrogate := _SURROGATE.search(contents):
        raise _error_at(text.file, contents, surrogate.start(), "this byte is not UTF-8", "save the file as UTF-8")
    if found := _ODD_BREAK.search(contents):
        what = f"U+{ord(found[0]):04X} is a line break in YAML, but not in a text file"
        hint = 'start a new line, or write it as "\\N", "\\L", "\\P" or "\\r"'
        raise _error_at(text.file, contents, found.start(), what, hint)
    try:
        yield from yaml.parse(contents, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        what = f"this is not YAML: {error.problem or error.context}"
        raise _error(text.file, mark.line + 1, mark.column + 1, what, "correct it") from None
    except yaml.reader.ReaderError as error:
        at = error.position if isinstance(error.position, int) else 0
        raise _error_at(
            text.file, contents, at, "a control character cannot be in YAML", 'write it as "\\xNN"'
        ) from None


class _Composer:
    """Puts events together to nodes. Its state: the root, and the lists and mappings that are open."""

    def __init__(self, file: str) -> None:
        self.root: list[Node] = []
        self._file = file
        self._open: list[tuple[Any, list[Node]]] = []

    def add(self, event: Any) -> None:
        """Take the next event; raises ConfigError."""
        if isinstance(event, yaml.NodeEvent):
            self._add_node(event)
        elif isinstance(event, _ENDS):
            self._close()
        elif isinstance(event, yaml.DocumentStartEvent) and self.root:
            raise self._error(event, "the file holds a second document", "put it into a file of its own")

    def _add_node(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise self._error(event, "aliases are not supported", _PLAIN_HINT)
        if event.tag is not None:
            raise self._error(event, f"tags like {event.tag} are not supported", _PLAIN_HINT)
        if isinstance(event, yaml.ScalarEvent):
            self._append(self._scalar(event))
        elif len(self._open) == MAX_NESTING:
            raise self._error(event, f"more than {MAX_NESTING} levels are nested", _PLAIN_HINT)
        else:
            self._open.append((event, []))

    def _scalar(self, event: Any) -> Scalar:
        if found := _NO_TEXT.search(event.value):
            raise self._error(event, f"a text cannot hold U+{ord(found[0]):04X}", "leave it out")
        text = event.value.removesuffix("\n") if event.style in ("|", ">") else event.value
        mark: Any = event.start_mark
        return Scalar(text, mark.line + 1, mark.column + 1)

    def _error(self, event: Any, what: str, hint: str) -> ConfigError:
        return _error(self._file, event.start_mark.line + 1, event.start_mark.column + 1, what, hint)

    def _append(self, node: Node) -> None:
        (self._open[-1][1] if self._open else self.root).append(node)

    def _close(self) -> None:
        start, nodes = self._open.pop()
        line, column = start.start_mark.line + 1, start.start_mark.column + 1
        if isinstance(start, yaml.SequenceStartEvent):
            self._append(NodeList(nodes, line, column))
        else:
            self._append(NodeMap(self._pairs(nodes), line, column))

    def _pairs(self, nodes: list[Node]) -> list[tuple[Scalar, Node]]:
        pairs: list[tuple[Scalar, Node]] = []
        first: dict[str, Scalar] = {}
        for key, value in zip(nodes[::2], nodes[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise _error(self._file, key.line, key.column, "a key is not a text", "write the name of a directive")
            if first.setdefault(key.text, key) is not key:
                what = f"{key.text[:40]} is already set in line {first[key.text].line}"
                raise _error(self._file, key.line, key.column, what, "remove one of them")
            pairs.append((key, value))
        return pairs


def _error(file: str, line: int, column: int, what: str, hint: str) -> ConfigError:
    return ConfigError((Problem(file, line, column, what, hint),))


def _error_at(file: str, contents: str, offset: int, what: str, hint: str) -> ConfigError:
    before = contents[:offset]
    return _error(file, before.count("\n") + 1, offset - before.rfind("\n"), what, hint)
