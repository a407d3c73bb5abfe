"""Assigns each line to a virtual or to the daemon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ldirectord_py.config.directives import DIRECTIVES, REMOVED, Directive, Scope
from ldirectord_py.config.include import Boundary
from ldirectord_py.config.lines import TAB, Line
from ldirectord_py.config.values import suggest
from ldirectord_py.errors import Problem, Severity

MAX_HINTS = 100
"""Suggestions for unknown directives: each takes 0.1 ms or more, and a file with more of them is no ldirectord.cf."""

Entry = tuple[Directive, Line]


@dataclass(slots=True)
class Section:
    """A ``virtual`` line, and the lines that belong to it in the order of the file."""

    header: Line
    entries: list[Entry] = field(default_factory=list)
    reported: set[str] = field(default_factory=set)
    unindented: bool = False


@dataclass(slots=True)
class Sections:
    """The lines of the daemon, and those of the virtuals."""

    globals: list[Entry] = field(default_factory=list)
    virtuals: list[Section] = field(default_factory=list)


@dataclass(slots=True)
class _OpenFile:
    """A file that is being read: its current virtual, or the header of the virtual that an include has ended."""

    section: Section | None = None
    ended: tuple[Line, Line] | None = None
    reported: set[str] = field(default_factory=set)


def split_sections(stream: Iterable[Line | Boundary], problems: list[Problem]) -> Sections:
    """Return the sections of a configuration; appends a Problem for each line that belongs to none.

    A line that is indented deeper than the header of the virtual above belongs to that virtual. Any other line belongs
    to the daemon if its directive can be global, else to the virtual above. A virtual ends at the end of its file and
    at an ``include``.
    """
    splitter = _Splitter(problems)
    open_files: list[_OpenFile] = []
    for item in stream:
        if not isinstance(item, Boundary):
            splitter.add(item, open_files[-1])
        elif item is Boundary.START:
            open_files.append(_OpenFile())
        else:
            open_files.pop()
    return splitter.sections


class _Splitter:
    def __init__(self, problems: list[Problem]) -> None:
        self.sections = Sections()
        self._problems = problems
        self._unknown_count = 0

    def add(self, line: Line, file: _OpenFile) -> None:
        directive = DIRECTIVES.get(line.name)
        if directive is None:
            self._error(line, *_describe_unknown(line.name, hint=self._unknown_count < MAX_HINTS))
            self._unknown_count += 1
        elif not line.equals and (line.name != "supervised" or line.value.strip()):
            self._error(line, f'"=" is missing behind {line.name}', f"write {line.name}=VALUE")
        elif line.name in {"virtual", "virtual6"}:
            self._start_virtual(line, file)
        elif file.section is None:
            self._add_outside(directive, line, file)
        elif line.indent > file.section.header.indent:
            self._add_inside(file.section, directive, line)
        else:
            self._add_unindented(file.section, directive, line, file)

    def _start_virtual(self, line: Line, file: _OpenFile) -> None:
        section = file.section = Section(line)
        file.ended = None
        self.sections.virtuals.append(section)
        if line.indent:
            self._warn_once(section.reported, line, f"{line.name} is indented", "start it in the first column")

    def _add_outside(self, directive: Directive, line: Line, file: _OpenFile) -> None:
        header, include = file.ended or (line, line)
        if line.indent > header.indent:
            what = f"the include in line {include.number} ends the virtual of line {header.number}"
            self._error(line, f"{what}, so {line.name} belongs to none", "include below the virtual's last line")
        elif directive.scope is Scope.VIRTUAL:
            self._error(line, f"{line.name} belongs to a virtual, and there is none above", "move it into one")
        else:
            self._add_global(directive, line, file)

    def _add_global(self, directive: Directive, line: Line, file: _OpenFile) -> None:
        if line.indent:
            self._warn_once(file.reported, line, f"{line.name} is indented", "start it in the first column")
        if directive.name != "include":
            self.sections.globals.append((directive, line))
        elif file.section is not None:
            file.ended, file.section = (file.section.header, line), None

    def _add_unindented(self, section: Section, directive: Directive, line: Line, file: _OpenFile) -> None:
        if directive.scope is Scope.VIRTUAL:
            section.unindented = True
            what = f"{line.name} is not indented; it is read as part of the virtual of line {section.header.number}"
            self._warn_once(section.reported, line, what, f"indent the virtual's lines by {TAB} blanks")
            section.entries.append((directive, line))
            return
        if section.unindented and directive.scope is Scope.BOTH and not line.gap:
            what = f"{line.name} is not indented and holds for all virtuals"
            self._warn(line, what, "indent it where it is meant for the virtual above")
        self._add_global(directive, line, file)

    def _add_inside(self, section: Section, directive: Directive, line: Line) -> None:
        if directive.scope is Scope.GLOBAL:
            hint = "move it to the top of the file, not indented"
            self._error(line, f"{line.name} holds for the whole daemon and not for one virtual", hint)
            return
        if line.indent < TAB:
            what = f"the line is indented by {line.indent} columns only"
            self._warn_once(section.reported, line, what, f"indent the virtual's lines by {TAB} blanks")
        if line.gap:
            what = f"there is a blank line inside the virtual of line {section.header.number}"
            self._warn_once(section.reported, line, what, "remove the blank line")
        section.entries.append((directive, line))

    def _warn_once(self, reported: set[str], line: Line, what: str, hint: str) -> None:
        """Append a warning about style unless ``reported`` has its hint already."""
        if hint not in reported:
            reported.add(hint)
            self._warn(line, what, hint)

    def _warn(self, line: Line, what: str, hint: str) -> None:
        self._problems.append(Problem(line.file, line.number, line.start, what, hint, Severity.WARNING))

    def _error(self, line: Line, what: str, hint: str) -> None:
        self._problems.append(Problem(line.file, line.number, line.start, what, hint))


def _describe_unknown(name: str, *, hint: bool) -> tuple[str, str]:
    """Return the error of an unknown directive, and a hint; looks for a similar one only if ``hint``."""
    if name in REMOVED:
        return f"{name} is no directive any more", REMOVED[name]
    shown = _without_secret(name)
    if shown.startswith("["):
        return f"ldirectord.cf has no sections like {shown}", "remove the line"
    if shown in DIRECTIVES:
        return f'"=" is missing behind {shown}', f"write {shown}=VALUE"
    suggestion = suggest(shown, tuple(DIRECTIVES)) if hint else ""
    return f'there is no directive "{shown}"', suggestion or "correct it or remove the line"


def _without_secret(name: str) -> str:
    """Return the start of an unknown word, short enough to show no secret that follows it without a separator."""
    if name.startswith("["):
        return name[:40]
    if name.startswith(("passwd", "secret")) and name[6:7].isalnum():
        return f"{name[:6]}..."
    end = 0
    while end < len(name) and (name[end].isalnum() or name[end] in "_-"):
        end += 1
    return name[: max(1, min(end, 40))]
