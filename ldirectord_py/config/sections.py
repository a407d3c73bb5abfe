"""Which line belongs to which virtual, and which to the whole daemon."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from ldirectord_py.config.directives import DIRECTIVES, REMOVED, Directive, Scope
from ldirectord_py.config.include import Includes
from ldirectord_py.config.lines import TAB, Line, Sink, Text, file_warnings, split_lines
from ldirectord_py.config.values import suggest
from ldirectord_py.errors import Problem, Severity

MAX_HINTS = 100  # they are slow to find, and a file with more is no ldirectord.cf

Entry = tuple[Directive, Line]


@dataclass(slots=True)
class Section:
    """A virtual's own line, and the lines that belong to it in the order of the file."""

    head: Line
    entries: list[Entry] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    loose: bool = False


@dataclass(slots=True)
class _Reading:
    """A file under way: the virtual that its lines belong to now, and the lines of one that an include ended."""

    file: str
    section: Section | None = None
    ended: tuple[Line, Line] | None = None
    said: set[str] = field(default_factory=set)


class Sorter:
    """Sorts the lines of files into sections, and those of the daemon into ``world``.

    A line that is indented deeper than the head of the virtual above belongs to that virtual; another one
    to the daemon where the daemon knows such a directive, else to the virtual above nevertheless. A file that is
    included is read in the place of that line; no virtual goes on into it, out of it, or behind it.
    """

    def __init__(self, includes: Includes, sink: Sink) -> None:
        self.world: list[Entry] = []
        self.virtuals: list[Section] = []
        self._includes = includes
        self._sink = sink
        self._reading: list[_Reading] = []
        self._unknown = 0

    def sort(self, text: Text) -> None:
        """Take each line to its section, or report it."""
        self._reading.append(_Reading(text.file))
        for problem in file_warnings(text):
            self._sink(problem)
        for line in split_lines(text):
            self._sort(line)
        self._reading.pop()

    @property
    def _now(self) -> _Reading:
        return self._reading[-1]

    def _sort(self, line: Line) -> None:
        directive = DIRECTIVES.get(line.name)
        if directive is None:
            self._refuse(line, *_unknown(line.name, hint=self._unknown < MAX_HINTS))
            self._unknown += 1
        elif not line.equals and (line.name != "supervised" or line.value.strip()):
            self._refuse(line, f'"=" is missing behind {line.name}', f"write {line.name}=VALUE")
        elif line.name in {"virtual", "virtual6"}:
            self._open(line)
        elif self._now.section is None:
            self._outside(directive, line)
        else:
            self._place(self._now.section, directive, line)

    def _open(self, line: Line) -> None:
        section = self._now.section = Section(line)
        self._now.ended = None
        self.virtuals.append(section)
        if line.indent:
            self._say(section.said, line, f"{line.name} is indented", "start it in the first column")

    def _outside(self, directive: Directive, line: Line) -> None:
        head, include = self._now.ended or (line, line)
        if line.indent > head.indent:
            what = f"the include in line {include.number} ends the virtual of line {head.number}"
            self._refuse(line, f"{what}, so {line.name} belongs to none", "include below the virtual's last line")
        elif directive.scope is Scope.VIRTUAL:
            self._refuse(line, f"{line.name} belongs to a virtual, and none stands above", "move it into one")
        else:
            self._global(directive, line)

    def _global(self, directive: Directive, line: Line) -> None:
        if line.indent:
            self._say(self._now.said, line, f"{line.name} is indented", "start it in the first column")
        if directive.name == "include":
            self._include(line)
        else:
            self.world.append((directive, line))

    def _include(self, line: Line) -> None:
        now = self._now
        if now.section is not None:
            now.ended, now.section = (now.section.head, line), None
        for text in self._includes.texts(line, [reading.file for reading in self._reading]):
            self.sort(text)

    def _place(self, section: Section, directive: Directive, line: Line) -> None:
        if line.indent > section.head.indent:
            self._inside(section, directive, line)
        elif directive.scope is Scope.VIRTUAL:
            section.loose = True
            what = f"{line.name} is not indented; it is taken for the virtual of line {section.head.number}"
            self._say(section.said, line, what, f"indent the virtual's lines by {TAB} blanks")
            section.entries.append((directive, line))
        else:
            if section.loose and directive.scope is Scope.BOTH and not line.gap:
                what = f"{line.name} is not indented and holds for all virtuals"
                self._warn(line, what, "indent it where it is meant for the virtual above")
            self._global(directive, line)

    def _inside(self, section: Section, directive: Directive, line: Line) -> None:
        if directive.scope is Scope.GLOBAL:
            hint = "move it to the top of the file, not indented"
            self._refuse(line, f"{line.name} holds for the whole daemon and not for one virtual", hint)
            return
        if line.indent < TAB:
            what = f"the line is indented by {line.indent} columns only"
            self._say(section.said, line, what, f"indent the virtual's lines by {TAB} blanks")
        if line.gap:
            what = f"a blank line stands inside the virtual of line {section.head.number}"
            self._say(section.said, line, what, "remove the blank line")
        section.entries.append((directive, line))

    def _say(self, said: set[str], line: Line, what: str, hint: str) -> None:
        """Report a matter of style, each once in a section."""
        if hint not in said:
            said.add(hint)
            self._warn(line, what, hint)

    def _warn(self, line: Line, what: str, hint: str) -> None:
        self._sink(Problem(line.file, line.number, line.start, what, hint, Severity.WARNING))

    def _refuse(self, line: Line, what: str, hint: str) -> None:
        self._sink(Problem(line.file, line.number, line.start, what, hint))


@lru_cache(maxsize=1024)
def _unknown(name: str, *, hint: bool) -> tuple[str, str]:
    if name in REMOVED:
        return f"{name} is no directive any more", REMOVED[name]
    shown = _shown(name)
    if shown.startswith("["):
        return f"ldirectord.cf has no sections like {shown}", "remove the line"
    if shown in DIRECTIVES:
        return f'"=" is missing behind {shown}', f"write {shown}=VALUE"
    meant = suggest(shown, tuple(DIRECTIVES)) if hint else ""
    return f'there is no directive "{shown}"', meant or "correct it or remove the line"


def _shown(name: str) -> str:
    """Return as much of a wrong name as cannot hold a secret."""
    if name.startswith("["):
        return name[:40]
    if name.startswith(("passwd", "secret")) and name[6:7].isalnum():
        return f"{name[:6]}..."
    word = 0
    while word < len(name) and (name[word].isalnum() or name[word] in "_-"):
        word += 1
    return name[: max(1, min(word, 40))]
