"""What ``top`` shows and what its keys do, without a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ldirectord_py.cli.output.opened_server import OpenedServer
from ldirectord_py.cli.output.screen import ScreenLine
from ldirectord_py.cli.output.server_table import Server, real_cells, reasons, summary_line, trouble_colour
from ldirectord_py.cli.output.table_layout import GAP
from ldirectord_py.cli.output.terminal import Colour, printable_line
from ldirectord_py.runtime.text import count_of
from ldirectord_py.runtime.times import local_time
from ldirectord_py.trouble import severity

HELP: Final = "q quit  d drain  u undrain  / filter  s sort  a all  Enter open  arrows move"
OPENED_HELP: Final = "Enter back  arrows move"
HEADS: Final = ("REAL", "VIRTUAL", "OBSERVED", "KERNEL", "ADMINISTRATIVE", "CONFIGURED", "")
STATE_WIDTH: Final = 34
"""Columns of a screen for what was observed and what the kernel has; if VIRTUAL leaves fewer, it is behind them."""

FIXED_LINES: Final = 5
"""Lines of the screen that are not servers: summary, message, heads, the reasons of the chosen server, keys."""

MAX_TYPED: Final = 200
"""Characters of a filter or of a reason."""

SORTS: Final[Mapping[str, Callable[[Server], Any]]] = {
    "trouble": lambda real: (severity(real["trouble"]), real["real"]),
    "name": lambda real: (real["name"] or "~", real["real"]),
    "connections": lambda real: -(real["kernel"]["active"] if real["kernel"] else -1),
    "latency": lambda real: -(real["observed"]["latency"] or 0.0),
}


class TopAction(NamedTuple):
    """What a key asks for: ``quit``, ``open``, ``drain`` or ``undrain``, of a server, for a reason."""

    name: str
    server: str = ""
    why: str = ""


class TopView:
    """Its state: the last answer, the filter, the order, the chosen server, what is typed for which one, what is open.

    The second line shows the ``fault`` of the connection, or else a ``message``.
    """

    def __init__(self) -> None:
        self.answer: Mapping[str, Any] | None = None
        self.opened: OpenedServer | None = None
        self.fault = ""
        self.message = ""
        self.everything = False
        self._filter = ""
        self._sort = "trouble"
        self._chosen = ""
        self._typing = ""
        self._typed = ""
        self._target = ""
        self._page = 10

    def rows(self) -> list[Server]:
        """Return the servers that the filter lets pass, in order."""
        virtuals = self.answer["virtuals"] if self.answer else ()
        wanted = self._filter.lower()
        passed = (real for virtual in virtuals for real in virtual["reals"] if wanted in _searched(real))
        return sorted(passed, key=SORTS[self._sort])

    def press(self, key: str) -> TopAction | None:
        """Do what a key says here; return what it asks of others."""
        if self._typing:
            return self._type(key)
        if self.opened is not None:
            self.opened = None if self.opened.press(key) else self.opened
            return None
        self.message = ""
        if key in {"up", "down", "pageup", "pagedown", "home", "end", "j", "k"}:
            self._move(key)
        elif key == "s":
            names = list(SORTS)
            self._sort = names[(names.index(self._sort) + 1) % len(names)]
        elif key == "/":
            self._typing, self._typed = key, self._filter
        elif key in {"d", "u"} and (server := self.chosen()):
            self._typing, self._typed, self._target = key, "", server  # rows may move before Enter
        elif key == "a":
            self.everything = not self.everything
        elif key == "enter" and (server := self.chosen()):
            return TopAction("open", server)
        return TopAction("quit") if key == "q" else None

    def open(self, answer: Mapping[str, Any]) -> None:
        """Show the details of a server, or what is new about it."""
        if self.opened is None:
            self.opened = OpenedServer(answer)
        else:
            self.opened.answer = answer

    def chosen(self) -> str:
        """Return the name of the chosen server, "" for none."""
        return self._chosen_of(self.rows())

    def _chosen_of(self, rows: Sequence[Server]) -> str:
        return _name(rows[self._index(rows)]) if rows else ""

    def lines(self, size: tuple[int, int]) -> list[ScreenLine]:
        """Return the lines of a screen with so many columns and rows."""
        if self.answer is None:
            return [ScreenLine(printable_line(self.fault or "Asking the daemon ..."))]
        self._page = max(1, size[1] - FIXED_LINES)
        top = f"{summary_line(self.answer)}, as of {local_time(self.answer['as_of'])}"
        rows = self.rows()
        head = [ScreenLine(top, Colour.BOLD), self._second_line(rows)]
        if self.opened is not None:
            return [*head, *self.opened.lines(size[0], self._page + 2), ScreenLine(OPENED_HELP, Colour.DIM)]
        table = self._table_lines(rows, size[0])
        return [*head, *table, self._reasons_line(rows), self._last_line(size[0])]

    def _reasons_line(self, rows: Sequence[Server]) -> ScreenLine:
        """Return why the chosen server is as it is: in its row, a narrow screen has no room for that."""
        if not rows:
            return ScreenLine("")
        real = rows[self._index(rows)]
        return ScreenLine(f"why: {'; '.join(reasons(real))}", trouble_colour(real["trouble"]))

    def _last_line(self, columns: int) -> ScreenLine:
        """Return which keys there are, or the end of what is typed."""
        if not self._typing:
            return ScreenLine(HELP, Colour.DIM)
        label = "filter: " if self._typing == "/" else "reason: "
        room = max(1, columns - len(label) - 1)
        return ScreenLine(f"{label}{self._typed[-room:]}_", Colour.INVERSE)

    def _table_lines(self, rows: Sequence[Server], columns: int) -> list[ScreenLine]:
        readable = self.answer is not None and self.answer["kernel"]["error"] is None
        first = self._index(rows) // self._page * self._page
        cells = _ordered([_cells(real, readable=readable) for real in rows], columns)
        table = _table(cells, first, self._page)
        chosen = self._chosen_of(rows)
        lines = [ScreenLine(table[0], Colour.DIM)]
        for real, text in zip(rows[first:], table[1:], strict=False):
            mark = ">" if _name(real) == chosen else " "
            lines.append(ScreenLine(f"{mark}{text[1:]}", trouble_colour(real["trouble"])))
        return lines + [ScreenLine("")] * (self._page + 1 - len(lines))

    def _second_line(self, rows: Sequence[Server]) -> ScreenLine:
        if self._typing in {"d", "u"}:
            verb = "drain" if self._typing == "d" else "undrain"
            return ScreenLine(f"{verb} {self._target}? Enter: yes, Escape: no", Colour.INVERSE)
        if self.fault or self.message:
            return ScreenLine(printable_line(self.fault or self.message), Colour.INVERSE)
        error = self.answer["kernel"]["error"] if self.answer else None
        if error:
            return ScreenLine(printable_line(f"The kernel's table cannot be read: {error}"), Colour.RED)
        in_trouble = f"{count_of(len(rows), 'server')} in trouble"
        shown = f"all {len(rows)} servers" if self.everything else in_trouble
        passing = f" with {self._filter}" if self._filter else ""
        return ScreenLine(f"{shown}{passing}, by {self._sort}", Colour.DIM)

    def _type(self, key: str) -> TopAction | None:
        if key == "backspace":
            self._typed = self._typed[:-1]
        elif key == "escape":
            self._typing = ""
        elif key == "enter":
            return self._finish_typing()
        elif len(key) == 1 and len(self._typed) < MAX_TYPED:
            self._typed += key
        return None

    def _finish_typing(self) -> TopAction | None:
        kind, self._typing = self._typing, ""
        if kind == "/":
            self._filter = self._typed
            return None
        return TopAction("drain" if kind == "d" else "undrain", self._target, self._typed)

    def _index(self, rows: Sequence[Server]) -> int:
        return next((index for index, real in enumerate(rows) if _name(real) == self._chosen), 0)

    def _move(self, key: str) -> None:
        rows = self.rows()
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "pageup": -self._page, "pagedown": self._page}
        far = {"home": -len(rows), "end": len(rows)}
        if rows:
            at = self._index(rows) + (steps | far)[key]
            self._chosen = _name(rows[min(max(at, 0), len(rows) - 1)])


def _name(real: Server) -> str:
    return f"{real['virtual']}/{real['real']}"


def _searched(real: Server) -> str:
    return f"{_name(real)} {real['name'] or ''} {' '.join(real['trouble'])}".lower()


def _cells(real: Server, *, readable: bool) -> tuple[str, ...]:
    name, configured, administrative, observed, kernel, why = real_cells(real, readable=readable)
    return f" {name}", real["virtual"], observed, kernel, administrative, configured, why


def _ordered(rows: Sequence[Sequence[str]], columns: int) -> list[Sequence[str]]:
    """Return the heads and these rows, in an order that shows the states on a screen with so many columns."""
    table = [(f"   {HEADS[0]}", *HEADS[1:]), *rows]
    names = sum(max(len(row[column]) for row in table) + len(GAP) for column in (0, 1))
    if names + STATE_WIDTH <= columns:
        return table
    return [(row[0], *row[2:-1], row[1], row[-1]) for row in table]


def _table(table: Sequence[Sequence[str]], first: int, count: int) -> list[str]:
    """Return the heads and rows with aligned columns; widths are of all rows, so that scrolling changes none."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)][:-1]
    shown = [table[0], *table[first + 1 : first + 1 + count]]
    return [
        GAP.join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1])) for row in shown
    ]
