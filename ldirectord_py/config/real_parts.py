"""A ``real`` whose parts are keys of their own, as in YAML: its address, and forward, weight, request and so on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.addresses import plain_address
from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue, add_error, add_warnings
from ldirectord_py.config.lines import Line
from ldirectord_py.config.model import Forward
from ldirectord_py.config.number_values import integer
from ldirectord_py.config.server_lines import (
    MAX_IPVSADM_WEIGHT,
    MAX_THRESHOLD,
    MAX_WEIGHT,
    RealLine,
    RealOptions,
    parse_address,
    with_leading_slash,
)
from ldirectord_py.config.values import Reader, ValueContext, choice_reader, suggest
from ldirectord_py.errors import Problem

FORWARDS = tuple(forward.value for forward in Forward)


def _request(raw: str, context: ValueContext) -> str:
    return with_leading_slash(raw)


def _receive(raw: str, context: ValueContext) -> str:
    return raw


PARTS: Mapping[str, Reader] = {
    "forward": choice_reader(lambda context: FORWARDS, r"\w+"),
    "weight": integer(0, MAX_WEIGHT),
    "request": _request,
    "receive": _receive,
    "lower": integer(0, MAX_THRESHOLD),
    "upper": integer(0, MAX_THRESHOLD),
}
"""The parts of a real server after its address, and how each is read."""


def read_parts(line: Line, kinds: Mapping[str, Kind], problems: list[Problem]) -> RealLine:
    """Return the real server of a line; appends a Problem for each part that cannot be read; raises InvalidValue."""
    host, last, port = parse_address(line.value)
    values = {part.name: value for part in line.parts for value in _part_value(part, kinds, problems)}
    if "forward" not in values:
        if any(part.name == "forward" for part in line.parts):
            values["forward"] = Forward.GATE.value  # its error is reported already
        else:
            raise InvalidValue("the forwarding method is missing", "write forward=gate, masq or ipip")
    if ("request" in values) is not ("receive" in values):
        raise InvalidValue(
            "request and receive of a server belong together", "write both, or leave both to the virtual"
        )
    return RealLine(host, last, port, _real_options(values), tuple(_warnings(values)), plain_address(host))


def _part_value(part: Line, kinds: Mapping[str, Kind], problems: list[Problem]) -> Iterator[Any]:
    """Yield the value of a part, none where it has an error."""
    if part.name not in PARTS:
        hint = suggest(part.name, tuple(PARTS)) or f"write some of {', '.join(PARTS)}"
        problems.append(Problem(part.file, part.number, part.start, f'a real server has no "{part.name[:40]}"', hint))
        return
    try:
        yield PARTS[part.name](part.value, ValueContext(part, partial(add_warnings, problems, part), kinds))
    except InvalidValue as error:
        add_error(problems, part, error.diagnostic)


def _real_options(values: Mapping[str, Any]) -> RealOptions:
    thresholds = (values.get("lower", 0), values.get("upper", 0))
    strings = (values.get("request"), values.get("receive", ""))
    return RealOptions(Forward(values["forward"]), values.get("weight", 1), *strings, *thresholds, ())


def _warnings(values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    if values.get("weight", 1) > MAX_IPVSADM_WEIGHT:
        yield Diagnostic(f"ipvsadm accepts no weight above {MAX_IPVSADM_WEIGHT}", "write a smaller one")
    if values.get("lower", 0) > values.get("upper", 0):
        yield Diagnostic("the kernel accepts no lower threshold above the upper one", "correct upper")
