"""Reads the lines of a section: values by directive, and the lines that name servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue, add_error, add_warnings
from ldirectord_py.config.lines import Line
from ldirectord_py.config.real_parts import read_parts
from ldirectord_py.config.sections import Entry
from ldirectord_py.config.server_lines import FallbackLine, RealLine, parse_fallback, parse_real
from ldirectord_py.config.values import ValueContext
from ldirectord_py.errors import Problem

SERVERS = frozenset({"real", "real6", "fallback", "fallback6"})


@dataclass(slots=True)
class Settings:
    """The settings of a section: the last value and the last line of each directive, and its servers.

    ``reals`` and ``fallbacks`` (one for each family in the daemon's section) leave out lines that cannot be read.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    reals: list[tuple[Line, RealLine]] = field(default_factory=list)
    fallbacks: dict[str, FallbackLine] = field(default_factory=dict)


def read_section(
    entries: Iterable[Entry],
    kinds: Mapping[str, Kind],
    problems: list[Problem],
    header: Line | None = None,
    *,
    mark: bool = False,
) -> Settings:
    """Return the settings of the virtual with that header, or of the daemon.

    ``mark`` says whether the virtual is a firewall mark. Appends a Problem for each value that cannot be read.
    """
    settings = Settings()
    ipv6 = header is not None and header.name == "virtual6"
    for directive, line in entries:
        if header is not None and directive.name in SERVERS:
            _add_server(settings, line, kinds, problems, ipv6=ipv6)
            continue
        _set_line(settings, directive.name, line, problems)
        if directive.read is not None:
            warn = partial(add_warnings, problems, line)
            context = ValueContext(line, warn, kinds, ipv6, mark, daemon=header is None)
            try:
                _set_value(settings, directive.name, directive.read(line.value, context))
            except InvalidValue as error:
                add_error(problems, line, error.diagnostic)
    _read_fallbacks(settings, problems)
    return settings


def _set_line(settings: Settings, name: str, line: Line, problems: list[Problem]) -> None:
    """Keep the line of a directive; warn if there is one already."""
    if name in settings.lines and name != "execute":
        first = settings.lines[name].seen_from(line)
        add_warnings(problems, line, Diagnostic(f"{line.name} is already set in {first}", "remove one of them"))
    settings.lines[name] = line


def _set_value(settings: Settings, name: str, value: Any) -> None:
    match name:
        case "checktype":
            settings.values["checktype"], settings.values["connects"] = value
        case "execute":
            settings.values["execute"] = tuple(sorted({*settings.values.get("execute", ()), value}))
        case _:
            settings.values[name] = value


def _add_server(
    settings: Settings, line: Line, kinds: Mapping[str, Kind], problems: list[Problem], *, ipv6: bool
) -> None:
    """Read a ``real`` and keep a ``fallback`` if they are of the virtual's family."""
    if line.name == ("real6" if ipv6 else "real"):
        _add_real(settings, line, kinds, problems)
        return
    stem = line.name.removesuffix("6")
    expected, header = (f"{stem}6", "virtual6") if ipv6 else (stem, "virtual")
    if line.name != expected:
        what = f"{line.name} cannot be used in a {header}"
        add_error(problems, line, Diagnostic(what, f"write {expected}=..."))
    else:
        _set_line(settings, stem, line, problems)


def _add_real(settings: Settings, line: Line, kinds: Mapping[str, Kind], problems: list[Problem]) -> None:
    try:
        real = read_parts(line, kinds, problems) if line.parts else parse_real(line.value)
    except InvalidValue as error:
        add_error(problems, line, error.diagnostic)
        return
    if real.diagnostics:
        add_warnings(problems, line, *real.diagnostics)
    settings.reals.append((line, real))


def _read_fallbacks(settings: Settings, problems: list[Problem]) -> None:
    """Read the last fallback of each family."""
    for name in ("fallback", "fallback6"):
        line = settings.lines.get(name)
        if line is None:
            continue
        try:
            fallback = parse_fallback(line.value)
        except InvalidValue as error:
            add_error(problems, line, error.diagnostic)
            continue
        add_warnings(problems, line, *fallback.diagnostics)
        settings.fallbacks[name] = fallback
