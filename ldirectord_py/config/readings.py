"""The value of a single line, read as in its section, and the exact text that stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.directives import DIRECTIVES
from ldirectord_py.config.lines import Line
from ldirectord_py.config.model import AlertStatus, CheckType, Forward
from ldirectord_py.config.real_parts import read_parts
from ldirectord_py.config.server_lines import RealLine, parse_fallback, parse_real, parse_virtual
from ldirectord_py.config.string_values import maybe_quoted_string
from ldirectord_py.config.values import ValueContext, unquoted_word
from ldirectord_py.errors import Problem

NONE_IS_EMPTY = frozenset(("notify", "notifysecretfile", "notifyurl"))
"""The directives whose word ``none`` is read as an empty text."""

Parts = tuple[tuple[str, str], ...]


class SectionContext(NamedTuple):
    """What the reading of a line depends on: the kinds of service and its section."""

    kinds: Mapping[str, Kind]
    daemon: bool = True
    ipv6: bool = False
    mark: bool = False


class Reading(NamedTuple):
    """The value of a line: its exact ``text``, the ``parts`` of a real server, and the number of warnings."""

    text: str
    parts: Parts = ()
    warnings: int = 0


def read_line(line: Line, section: SectionContext) -> Reading:
    """Return the value of a line; raises InvalidValue."""
    match line.name:
        case "virtual" | "virtual6":
            header = parse_virtual(line.value)
            text = f"{header.host}:{header.port}" if header.mark is None else str(header.mark)
            return Reading(text, (), len(header.diagnostics))
        case "real" | "real6":
            return _real_reading(line, section)
        case "fallback" | "fallback6":
            server = parse_fallback(line.value)
            text = _with_port(server.host, server.port)
            return Reading(f"{text} {server.forward.value}", (), len(server.diagnostics))
        case _:
            return _plain(line, section)


def _real_reading(line: Line, section: SectionContext) -> Reading:
    problems: list[Problem] = []
    real = read_parts(line, section.kinds, problems) if line.parts else parse_real(line.value)
    host = real.host if real.last is None else f"{real.host}->{real.last}"
    return Reading(_with_port(host, real.port), _parts(real), len(problems) + len(real.diagnostics))


def _with_port(host: str, port: str) -> str:
    return f"{host}:{port}" if port else host


def _parts(real: RealLine) -> Parts:
    options = real.options
    parts = {"forward": options.forward.value}
    if options.weight != 1:
        parts["weight"] = str(options.weight)
    if options.request is not None:
        parts |= {"request": options.request, "receive": options.receive}
    bounds = {"lower": options.lower, "upper": options.upper}
    return (*parts.items(), *((name, str(bound)) for name, bound in bounds.items() if bound))


def _plain(line: Line, section: SectionContext) -> Reading:
    warnings: list[object] = []
    context = ValueContext(line, warnings.append, section.kinds, section.ipv6, section.mark, daemon=section.daemon)
    read = DIRECTIVES[line.name].read or maybe_quoted_string  # without a reader: include
    value = read(line.value, context)
    text = unquoted_word(line.value, context) if line.name == "load" else _exact_text(line.name, value)
    return Reading(text, (), len(warnings))


def _exact_text(name: str, value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "0" if name == "persistent" else "off"
        case (CheckType() as kind, connects):
            return kind.value if connects is None else str(connects)
        case tuple():
            return _statuses(value)
        case "" if name in NONE_IS_EMPTY:
            return "none"
    return str(value)


def _statuses(value: tuple[AlertStatus, ...]) -> str:
    if value == tuple(AlertStatus):
        return "all"
    return ",".join(value) or "none"


def real_line(text: str, parts: Parts) -> str:
    """Return the value of a ``real`` in ldirectord.cf; it may be read otherwise, which the caller has to check."""
    values = dict(parts)
    words = [text, values.get("forward", Forward.GATE.value)]
    words += [values["weight"]] if "weight" in values else []
    if "request" in values:
        words += [f'"{values["request"]}",', f'"{values["receive"]}"']
    words += [f"{name[0]}:{values[name]}" for name in ("lower", "upper") if name in values]
    return " ".join(words)
