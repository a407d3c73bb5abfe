"""A terminal that understands what ``Screen`` sends: letters, their places and their colours."""

from __future__ import annotations

import re
from typing import NamedTuple

_OUTPUT = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([0-9]*)m|(\x1b\[K)|(\x1b\[2J)|\x1b\[\?[0-9]+[hl]|([^\x1b])", re.DOTALL)


class Cell(NamedTuple):
    """A letter, and the number of its colour in ANSI's sequences; "" is plain."""

    letter: str
    colour: str


BLANK = Cell(" ", "")


class ScreenEmulator:
    """Its state: the cells of each line up to the last written one, and the place and colour of the next letter."""

    def __init__(self, lines: int) -> None:
        self.cells: list[list[Cell]] = [[] for _ in range(lines)]
        self._line = self._column = 0
        self._colour = ""

    @property
    def rows(self) -> list[str]:
        """Return the text of each line, without spaces at its end."""
        return ["".join(cell.letter for cell in line).rstrip() for line in self.cells]

    def write(self, text: str) -> None:
        """Do what a text of whole sequences says."""
        for match in _OUTPUT.finditer(text):
            match match.lastindex:
                case 2:
                    self._line, self._column = int(match[1]) - 1, int(match[2]) - 1
                case 3:
                    self._colour = match[3].strip("0")
                case 4:
                    del self.cells[self._line][self._column :]
                case 5:
                    self.cells = [[] for _ in self.cells]
                case 6:
                    self._put(Cell(match[6], self._colour))

    def _put(self, cell: Cell) -> None:
        line = self.cells[self._line]
        line += [BLANK] * (self._column + 1 - len(line))
        line[self._column] = cell
        self._column += 1
