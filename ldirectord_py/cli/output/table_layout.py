"""The lines of a table: its columns aligned, and on a narrow terminal each row in as many lines as it needs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ldirectord_py.cli.output.terminal import Colour, coloured

HEAD: Final = ("REAL", "CONFIGURED", "ADMINISTRATIVE", "OBSERVED", "KERNEL", "")
WHY: Final = len(HEAD) - 1

GAP: Final = "  "
INDENT: Final = "    "
MIN_WIDTH: Final = 20
"""Columns below which no line is broken."""


class Layout(NamedTuple):
    """How to print: within so many columns (None: any), in colour, all rows or only virtuals in bad trouble."""

    width: int | None = None
    colour: bool = False
    everything: bool = False
    down_only: bool = False


class TableLine(NamedTuple):
    """A line of the table: its cells, or one text over all of them."""

    cells: Sequence[str]
    colour: Colour = Colour.PLAIN


def formatted(table: Sequence[TableLine], layout: Layout) -> Iterator[str]:
    """Yield the lines of a table with its columns aligned; what has no room in a row goes on below it."""
    head = TableLine(("  " + HEAD[0], *HEAD[1:]), Colour.DIM)
    rows = [line for line in table if len(line.cells) == len(HEAD)]
    widths = [max(len(line.cells[column]) for line in (head, *rows)) for column in range(WHY)]
    room = None if layout.width is None else max(MIN_WIDTH, layout.width)
    for line in [head, *table] if rows else table:
        for text in _texts(line.cells, widths, room):
            yield coloured(text, line.colour, enabled=layout.colour)


def _texts(cells: Sequence[str], widths: Sequence[int], room: int | None) -> list[str]:
    """Return the lines of a row, or of a text over all columns."""
    if len(cells) < len(HEAD):
        return wrapped(cells[0], room)
    columns = GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
    whole = f"{columns}{GAP}{cells[WHY]}".rstrip()
    if room is None or max(len(columns), len(whole)) <= room:
        return [whole]
    first, between = columns.rstrip(), ""
    if len(columns) > room:
        first, between = cells[0], GAP.join(filter(None, cells[1:WHY]))
    below = [f"{INDENT}{text}" for text in (between, cells[WHY]) if text]
    return [line for text in (first, *below) for line in wrapped(text, room)]


def wrapped(text: str, room: int | None) -> list[str]:
    """Return a text in lines of at most so many columns, None: in one."""
    if room is None or len(text) <= room:  # most lines are short, and thousands of them take no time then
        return [text]
    return textwrap.wrap(text, room, subsequent_indent=INDENT, break_on_hyphens=False)
