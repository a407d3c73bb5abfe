"""A section's lines to its settings: values by directive, and the lines that name servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.lines import Diagnostic, InvalidValue, Line, Report
from ldirectord_py.config.sections import Entry
from ldirectord_py.config.values import Reader, ValueContext

SERVERS = frozenset({"real", "real6", "fallback", "fallback6"})


@dataclass(slots=True)
class Settings:
    """What a section sets: values and lines by directive, the last of each, and its ``real`` lines."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    reals: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Settler:
    """Reads the values of lines."""

    kinds: Mapping[str, Kind]
    report: Report

    def settle(self, entries: Iterable[Entry], head: Line | None = None, *, mark: bool = False) -> Settings:
        """Return the settings of a virtual with that head, or of the daemon; reports and leaves out what is wrong."""
        settings = Settings()
        ipv6 = head is not None and head.name == "virtual6"
        for directive, line in entries:
            if head is not None and directive.name in SERVERS:
                self._server(settings, line, ipv6=ipv6)
                continue
            self._once(settings, directive.name, line)
            if directive.read is not None:
                warn = partial(self.report.warn, line)
                place = ValueContext(line, warn, self.kinds, ipv6, mark, daemon=head is None)
                self._value(settings, directive.name, directive.read, place)
        return settings

    def _once(self, settings: Settings, name: str, line: Line) -> None:
        """Keep the line of a directive, and warn where it stands already."""
        if name in settings.lines and name != "execute":
            first = settings.lines[name].seen_from(line)
            note = Diagnostic(f"{line.name} stands in {first} already", "remove one of them")
            self.report.warn(line, note)
        settings.lines[name] = line

    def _value(self, settings: Settings, name: str, read: Reader, place: ValueContext) -> None:
        try:
            value = read(place.line.value, place)
        except InvalidValue as refusal:
            self.report.refuse(place.line, refusal.diagnostic)
            return
        match name:
            case "checktype":
                settings.values["checktype"], settings.values["connects"] = value
            case "execute":
                settings.values["execute"] = tuple(sorted({*settings.values.get("execute", ()), value}))
            case _:
                settings.values[name] = value

    def _server(self, settings: Settings, line: Line, *, ipv6: bool) -> None:
        """Keep a line of a virtual that names a server, if it is of the virtual's family."""
        stem = line.name.removesuffix("6")
        right, head = (f"{stem}6", "virtual6") if ipv6 else (stem, "virtual")
        if line.name != right:
            self.report.refuse(line, Diagnostic(f"{line.name} cannot stand in a {head}", f"write {right}=..."))
        elif stem == "real":
            settings.reals.append(line)
        else:
            self._once(settings, stem, line)
