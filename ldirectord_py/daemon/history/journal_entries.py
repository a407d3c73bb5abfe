"""The entries of the journal: the newest as they are, older ones in compressed blocks of a hundred."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Final, NamedTuple

BLOCK_LENGTH: Final = 100
_LEVEL: Final = 3
"""70 us for a block, which becomes 15 times smaller."""


class JournalEntry(NamedTuple):
    """An entry: its number, its time in seconds since the epoch, and its other fields, some at least, as JSON."""

    seq: int
    seconds: float
    text: str

    @property
    def json(self) -> str:
        """``seq``, ``event``, ``time``, ``who``, ``message`` and the evidence, as JSON."""
        return f'{{"seq":{self.seq},{self.text[1:]}'


class _Block(NamedTuple):
    """Entries that follow one another; ``latest`` is the greatest of their times."""

    first: int
    latest: float
    packed: bytes

    def entries(self) -> Iterator[JournalEntry]:
        lines = zlib.decompress(self.packed).decode().split("\n")
        for seq, line in enumerate(lines, self.first):
            seconds, text = line.split(" ", 1)
            yield JournalEntry(seq, float(seconds), text)


class JournalEntries:
    """Its state: the blocks, the entries after them, the oldest first, and the number of the last one."""

    def __init__(self) -> None:
        self.last = 0
        self._blocks: deque[_Block] = deque()
        self._newest: list[JournalEntry] = []

    def append(self, seconds: float, text: str) -> None:
        """Add an entry, whose text has no line break; its number is the next one."""
        self.last += 1
        self._newest.append(JournalEntry(self.last, seconds, text))
        if len(self._newest) == BLOCK_LENGTH:
            lines = "\n".join(f"{entry.seconds!r} {entry.text}" for entry in self._newest)
            latest = max(entry.seconds for entry in self._newest)
            self._blocks.append(_Block(self._newest[0].seq, latest, zlib.compress(lines.encode(), _LEVEL)))
            self._newest = []

    def drop_before(self, seq: int) -> None:
        """Forget the blocks whose entries all have lower numbers."""
        while self._blocks and self._blocks[0].first + BLOCK_LENGTH <= seq:
            self._blocks.popleft()

    def from_number(self, seq: int) -> Iterator[JournalEntry]:
        """Yield the entries from a number on; to be used before another one is added."""
        for block in self._blocks:
            if block.first + BLOCK_LENGTH > seq:
                yield from (entry for entry in block.entries() if entry.seq >= seq)
        yield from (entry for entry in self._newest if entry.seq >= seq)

    def first_since(self, seconds: float, seq: int) -> int | None:
        """Return the number of the first entry from ``seq`` on with such a time or a later one, None if none has."""
        late = (block.entries() for block in self._blocks if block.latest >= seconds)
        entries = chain(chain.from_iterable(late), self._newest)
        return next((entry.seq for entry in entries if entry.seq >= seq and entry.seconds >= seconds), None)
