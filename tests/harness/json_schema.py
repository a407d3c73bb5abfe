"""Validates values against the part of JSON Schema that our schema uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

ANNOTATIONS = frozenset(("$schema", "$comment", "title", "description"))
TYPES = {"string": (str,), "integer": (int,), "number": (int, float), "object": (dict,), "array": (list,)}
VALUES: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, wanted: type(value) in TYPES[wanted],
    "enum": lambda value, wanted: any(value == each and type(value) is type(each) for each in wanted),
    "pattern": lambda value, wanted: not isinstance(value, str) or re.search(wanted, value) is not None,
    "minimum": lambda value, wanted: not isinstance(value, int | float) or value >= wanted,
    "maximum": lambda value, wanted: not isinstance(value, int | float) or value <= wanted,
}


def faults(value: Any, schema: dict[str, Any], place: str = "$") -> list[str]:
    """Return what is wrong with a value."""
    return [fault for keyword in schema for fault in _keyword(keyword, value, schema, place)]


def _keyword(keyword: str, value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    wanted = schema[keyword]
    if keyword == "anyOf":
        found = [faults(value, each, place) for each in wanted]
        yield from min(found, key=len) if all(found) else ()
    elif keyword in VALUES:
        if not VALUES[keyword](value, wanted):
            yield f"{place}: {keyword} {wanted} does not hold for {value!r}"
    elif keyword in ("items", "minItems"):
        yield from _items(keyword, value, wanted, place) if isinstance(value, list) else ()
    elif keyword in ("properties", "required", "additionalProperties", "dependentRequired"):
        yield from _properties(keyword, value, schema, place) if isinstance(value, dict) else ()
    else:
        assert keyword in ANNOTATIONS, keyword


def _items(keyword: str, value: list[Any], wanted: Any, place: str) -> Iterator[str]:
    if keyword == "minItems" and len(value) < wanted:
        yield f"{place}: fewer than {wanted} items"
    for at, item in enumerate(value if keyword == "items" else ()):
        yield from faults(item, wanted, f"{place}[{at}]")


def _properties(keyword: str, value: dict[str, Any], schema: dict[str, Any], place: str) -> Iterator[str]:
    wanted = schema[keyword]
    match keyword:
        case "properties":
            for name in value.keys() & wanted.keys():
                yield from faults(value[name], wanted[name], f"{place}.{name}")
        case "required":
            yield from (f"{place}: {name} is missing" for name in wanted if name not in value)
        case "additionalProperties":
            assert wanted is False
            yield from (f"{place}: {name} is unknown" for name in value if name not in schema["properties"])
        case _:
            lacking = ((name, need) for name, needs in wanted.items() if name in value for need in needs)
            yield from (f"{place}: {name} needs {need}" for name, need in lacking if need not in value)
