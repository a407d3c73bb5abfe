"""Which line belongs to which virtual, and which to the whole daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from ldirectord_py.config.directives import DIRECTIVES, REMOVED, Directive, Where
from ldirectord_py.config.lines import TAB, Line
from ldirectord_py.config.values import nearest
from ldirectord_py.errors import Problem, Severity

MOST_HINTS = 100  # they are slow to find, and a file with more is no ldirectord.cf

Entry = tuple[Directive, Line]
Sink = Callable[[Problem], None]


@dataclass(slots=True)
class Section:
    """The lines of a virtual in the order of the file, or, without a head, those of the daemon."""

    head: Line | None = None
    entries: list[Entry] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    loose: bool = False

    @property
    def ipv6(self) -> bool:
        """Whether the head is a virtual6."""
        return self.head is not None and self.head.name == "virtual6"


class Sorter:
    """Sorts the lines of a file into sections.

    A line that is indented deeper than the head of the virtual above belongs to that virtual; another one
    to the daemon where the daemon knows such a directive, else to the virtual above nevertheless.
    """

    def __init__(self, file: str, sink: Sink) -> None:
        self.world = Section()
        self.virtuals: list[Section] = []
        self._unknown = 0
        self._file = file
        self._sink = sink

    def sort(self, lines: Iterable[Line]) -> None:
        """Take each line to its section, or report it."""
        for line in lines:
            directive = DIRECTIVES.get(line.name)
            if directive is None:
                self._refuse(line, *_unknown(line.name, hint=self._unknown < MOST_HINTS))
                self._unknown += 1
            elif not line.equals and not (line.name == "supervised" and not line.value.strip()):
                self._refuse(line, f'"=" is missing behind {line.name}', f"write {line.name}=VALUE")
            elif line.name in {"virtual", "virtual6"}:
                self._open(line)
            else:
                self._place(directive, line)

    def _open(self, line: Line) -> None:
        section = Section(line)
        self.virtuals.append(section)
        if line.indent:
            self._say(section, line, f"{line.name} is indented", "start it in the first column")

    def _place(self, directive: Directive, line: Line) -> None:
        section = self.virtuals[-1] if self.virtuals else None
        if section is None or section.head is None:
            self._outside(directive, line)
        elif line.indent > section.head.indent:
            self._inside(section, directive, line)
        elif directive.where is Where.VIRTUAL:
            section.loose = True
            what = f"{line.name} is not indented; it is taken for the virtual of line {section.head.number}"
            self._say(section, line, what, f"indent the virtual's lines by {TAB} blanks")
            section.entries.append((directive, line))
        else:
            self._after(section, directive, line)

    def _outside(self, directive: Directive, line: Line) -> None:
        if directive.where is Where.VIRTUAL:
            self._refuse(line, f"{line.name} belongs to a virtual, and none stands above", "move it into one")
            return
        if line.indent:
            self._say(self.world, line, f"{line.name} is indented", "start it in the first column")
        self.world.entries.append((directive, line))

    def _inside(self, section: Section, directive: Directive, line: Line) -> None:
        if directive.where is Where.GLOBAL:
            mend = "move it to the top of the file, not indented"
            self._refuse(line, f"{line.name} holds for the whole daemon and not for one virtual", mend)
            return
        if line.indent < TAB:
            what = f"the line is indented by {line.indent} columns only"
            self._say(section, line, what, f"indent the virtual's lines by {TAB} blanks")
        if line.gap and section.head is not None:
            what = f"a blank line stands inside the virtual of line {section.head.number}"
            self._say(section, line, what, "remove the blank line")
        section.entries.append((directive, line))

    def _after(self, section: Section, directive: Directive, line: Line) -> None:
        if line.indent:
            self._say(self.world, line, f"{line.name} is indented", "start it in the first column")
        if section.loose and directive.where is Where.BOTH and not line.gap:
            what = f"{line.name} is not indented and holds for all virtuals"
            self._say(section, line, what, "indent it where it is meant for the virtual above", key=line.name)
        self.world.entries.append((directive, line))

    def _refuse(self, line: Line, what: str, mend: str) -> None:
        self._sink(Problem(self._file, line.number, line.start, what, mend))

    def _say(self, section: Section, line: Line, what: str, mend: str, *, key: str = "") -> None:
        """Report a matter of style once in a section."""
        if (key or mend) not in section.said:
            section.said.add(key or mend)
            self._sink(Problem(self._file, line.number, line.start, what, mend, Severity.WARNING))


@lru_cache(maxsize=1024)
def _unknown(name: str, *, hint: bool) -> tuple[str, str]:
    if name in REMOVED:
        return f"{name} is no directive any more", REMOVED[name]
    shown = _shown(name)
    if shown.startswith("["):
        return f"ldirectord.cf has no sections like {shown}", "remove the line"
    if shown in DIRECTIVES:
        return f'"=" is missing behind {shown}', f"write {shown}=VALUE"
    meant = nearest(shown, tuple(DIRECTIVES)) if hint else ""
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
