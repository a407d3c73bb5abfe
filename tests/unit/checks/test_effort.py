from __future__ import annotations

import pytest

from ldirectord_py.checks.effort import MAX_STEPS, READ, SMALL, Effort
from ldirectord_py.errors import CheckFailed


def test_large_reads_cost_their_bytes_only() -> None:
    effort = Effort(limit=10 * SMALL)
    for _ in range(10):
        effort.read(SMALL)
    with pytest.raises(CheckFailed, match="does not end"):
        effort.read(SMALL)


def test_small_reads_cost_steps() -> None:
    effort = Effort()
    for _ in range(MAX_STEPS // READ):
        effort.read(1)
    with pytest.raises(CheckFailed, match="too many small pieces"):
        effort.read(1)


def test_a_datagram_costs_as_much_as_a_small_read() -> None:
    effort = Effort()
    effort.datagram()
    assert effort.steps == MAX_STEPS - READ


def test_a_large_piece_is_free() -> None:
    effort = Effort()
    effort.piece(SMALL, MAX_STEPS + 1)
    assert effort.steps == MAX_STEPS
