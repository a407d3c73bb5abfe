"""Ops to batches of messages, each batch for one send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.netlink.encode import batch
from ldirectord_py.ipvs.refusal import Refused, validate
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows

MIN_BATCH: Final = 128
"""Ops in the first of several batches; each further one has twice as many."""
MAX_BATCH: Final = 1024
"""Ops in one batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The ``messages`` of some ops, numbered from ``first``, and the ``positions`` of these ops among all.

    ``invalid`` are the refusals of those ops, by position, that have no message.
    """

    positions: Sequence[int]
    first: int
    messages: bytes
    invalid: Mapping[int, Refused]

    @property
    def last(self) -> int:
        """The number of the last message."""
        return self.first + len(self.positions) - 1


def batches(ops: Sequence[Op], family: int, first: int, encoded: EncodedRows = NOT_ENCODED) -> Iterator[Batch]:
    """Yield the ops in batches of growing size, so that the kernel soon has work; the op at 0 has the number ``first``.

    Each batch is encoded when it is asked for; rows of ``encoded`` are neither validated nor encoded again.
    """
    start, size = 0, MIN_BATCH if len(ops) > MAX_BATCH else MAX_BATCH
    while start < len(ops):
        end = min(start + size, len(ops))
        yield _batch(ops, range(start, end), family, first + start, encoded)
        start, size = end, min(2 * size, MAX_BATCH)


def _batch(ops: Sequence[Op], positions: Sequence[int], family: int, first: int, encoded: EncodedRows) -> Batch:
    invalid = {at: refused for at in positions if ops[at].row not in encoded and (refused := validate(ops[at]))}
    valid = [at for at in positions if at not in invalid] if invalid else positions
    messages = batch([ops[at] for at in valid], family, first, encoded) if valid else b""
    return Batch(valid, first, messages, invalid)
