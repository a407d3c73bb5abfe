"""A section's lines to its settings: values by directive, and the lines that name servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.directives import Directive
from ldirectord_py.config.lines import Line, Note, Refusal
from ldirectord_py.config.sections import Section, Sink
from ldirectord_py.config.values import Place
from ldirectord_py.errors import Severity


@dataclass(slots=True)
class Settings:
    """What a section sets: values and lines by directive, the last of each, and its ``real`` lines."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    reals: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """Turns the notes of a file's lines into Problems for a sink."""

    file: str
    sink: Sink

    def warn(self, line: Line, *notes: Note) -> None:
        """Report warnings at their places in the line."""
        for note in notes:
            self.sink(note.problem(self.file, line))

    def refuse(self, line: Line, note: Note) -> None:
        """Report an error at its place in the line."""
        self.sink(note.problem(self.file, line, Severity.ERROR))


def settle(section: Section, kinds: Mapping[str, Kind], report: Report, *, mark: bool) -> Settings:
    """Return the section's settings; values that cannot be read are reported and left out."""
    settings = Settings()
    for directive, line in section.entries:
        name = directive.name
        if name in {"real", "real6", "fallback", "fallback6"} and section.head is not None:
            _server(settings, section, line, report)
            continue
        if name in settings.lines and name != "execute":
            note = Note(f"{name} stands in line {settings.lines[name].number} already", "remove one of them")
            report.warn(line, note)
        settings.lines[name] = line
        if directive.read is not None:
            _value(settings, directive, _place(line, section, kinds, report, mark=mark), report)
    return settings


def _place(line: Line, section: Section, kinds: Mapping[str, Kind], report: Report, *, mark: bool) -> Place:
    return Place(line, lambda note: report.warn(line, note), kinds, section.ipv6, mark)


def _value(settings: Settings, directive: Directive, place: Place, report: Report) -> None:
    assert directive.read is not None  # noqa: S101  the caller's condition
    try:
        value = directive.read(place.line.value, place)
    except Refusal as refusal:
        report.refuse(place.line, refusal.note)
        return
    match directive.name:
        case "checktype":
            settings.values["checktype"], settings.values["connects"] = value
        case "execute":
            settings.values["execute"] = tuple(sorted({*settings.values.get("execute", ()), value}))
        case name:
            settings.values[name] = value


def _server(settings: Settings, section: Section, line: Line, report: Report) -> None:
    """Keep a line of the virtual that names a server, if it is of the virtual's family."""
    stem = line.name.removesuffix("6")
    if (line.name != stem) != section.ipv6:
        right = f"{stem}6" if section.ipv6 else stem
        head = section.head.name if section.head else ""
        report.refuse(line, Note(f"{line.name} cannot stand in a {head}", f"write {right}=..."))
    elif stem == "real":
        settings.reals.append(line)
    else:
        if stem in settings.lines:
            number = settings.lines[stem].number
            report.warn(line, Note(f"{line.name} stands in line {number} already", "remove one of them"))
        settings.lines[stem] = line
