"""The screen of a terminal as an SVG, in any monospaced font: each piece of text is stretched to its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

from harness.screen_emulator import Cell

COLUMN, LINE, MARGIN, BAR = 8, 19, 14, 26
"""Width of a letter, height of a line, space around the text, height of the bar with the title."""

STYLES: Mapping[str, str] = MappingProxyType(
    {
        "1": "fill:#fff;font-weight:bold",
        "2": "fill:#8b949e",
        "31": "fill:#ff7b72",
        "32": "fill:#7ee787",
        "33": "fill:#e3b341",
        "35": "fill:#d2a8ff",
        "7": "fill:#58a6ff",
    }
)
"""The colours of ``Colour``, on a dark terminal."""

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{title}</title>
<style>
text{{font:13px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#d0d7de;white-space:pre}}
{styles}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>
<path d="M0 {bar}V8a8 8 0 0 1 8-8h{flat}a8 8 0 0 1 8 8v{down}z" fill="#21262d"/>
<text x="{middle}" y="18" text-anchor="middle">{title}</text>
"""


def terminal_svg(title: str, cells: Sequence[Sequence[Cell]], columns: int) -> str:
    """Return a picture of the lines of a terminal."""
    width, height = columns * COLUMN + 2 * MARGIN, len(cells) * LINE + 2 * MARGIN + BAR
    styles = "".join(f".c{number}{{{style}}}" for number, style in STYLES.items())
    place = {"width": width, "height": height, "bar": BAR, "flat": width - 16, "down": BAR - 8, "middle": width // 2}
    head = _HEAD.format(title=escape(title), styles=styles, **place)
    lines = (piece for number, line in enumerate(cells) for piece in _pieces(number, line))
    return f"{head}{''.join(lines)}</svg>\n"


def _pieces(number: int, line: Sequence[Cell]) -> Iterator[str]:
    """Yield the text of a line, word by word as far as two spaces or another colour part them."""
    column, y = 0, BAR + MARGIN + number * LINE + LINE - 5
    for colour, cells in groupby(line, lambda cell: cell.colour):
        text = "".join(cell.letter for cell in cells)
        for word in _words(text):
            if word.strip():
                x = MARGIN + (column + len(word) - len(word.lstrip())) * COLUMN
                shown = word.strip()
                style = f" class={quoteattr(f'c{colour}')}" if colour in STYLES else ""
                yield f'<text x="{x}" y="{y}" textLength="{len(shown) * COLUMN}"{style}>{escape(shown)}</text>\n'
            column += len(word)


def _words(text: str) -> Iterator[str]:
    """Yield parts of a text that end with two spaces or more; together they are the text."""
    start = 0
    while (gap := text.find("  ", start)) >= 0:
        end = gap + len(text[gap:]) - len(text[gap:].lstrip(" "))
        yield text[start:end]
        start = end
    yield text[start:]
