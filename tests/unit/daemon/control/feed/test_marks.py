"""What the next update says: rows whose words have changed, and results that have changed none."""

from __future__ import annotations

import json
import time

import pytest

from builders import KINDS, config, down, up, virtual
from ldirectord_py.checks.base import Result
from ldirectord_py.daemon.control.feed.layout import FeedLayout
from ldirectord_py.daemon.control.feed.marks import FeedMarks
from ldirectord_py.daemon.control.servers.kernel_usage import KernelReading
from ldirectord_py.daemon.control.servers.knowledge import knowledge
from ldirectord_py.daemon.history.transitions import TransitionHistory
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Usage

FINE, MOVED = up("200 OK"), up("301 Moved")


class Marked:
    """A director with two servers, and what is marked of them."""

    def __init__(self, director: Director, layout: FeedLayout) -> None:
        self.director = director
        self.marks = FeedMarks(layout)
        self.usage = {row: Usage(1, 2, 3, 4) for row in layout.by_row}

    def observe(self, result: Result, number: int = 0) -> None:
        """Let the check of a server have a result."""
        check = self.marks.layout.reals[number][2]
        assert check
        self.director.observe(check, result)

    def collect(self) -> list[int]:
        """Return the servers with results that change no word."""
        self.marks.add_results(2, time.monotonic_ns())
        return self.marks.take_results()[::3]

    def reasons(self) -> list[str]:
        """Return the reasons in the rows of the next update."""
        reading = KernelReading(time.monotonic(), self.usage)
        known = knowledge(self.director, self.director.health, TransitionHistory(), reading)
        rows = [json.loads(row) for row in self.marks.real_rows(list(self.marks.reals), known)]
        assert not self.marks.reals
        return [row["observed"]["reason"] for row in rows]


@pytest.fixture
async def marked() -> Marked:
    site = config(virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80"))
    director = Director(MemoryKernel(), compile_config(site, KINDS))
    await director.start()
    for check in director.compiled.plan:
        director.observe(check, FINE)
    layout = FeedLayout(director)
    assert await layout.fill()
    return Marked(director, layout)


async def test_a_result_with_the_same_reason_needs_no_row(marked: Marked) -> None:
    marked.observe(FINE, 1)
    assert (marked.collect(), marked.reasons()) == ([1], [])
    assert marked.collect() == []


async def test_a_result_with_another_reason_is_in_the_row(marked: Marked) -> None:
    marked.observe(down("gone"))
    assert (marked.collect(), marked.reasons()) == ([], ["gone"])
    assert len(marked.marks.virtuals) == 1
    marked.observe(down("gone"))
    assert (marked.collect(), marked.reasons()) == ([0], [])


async def test_a_certificate_is_known_also_if_the_next_result_has_none(marked: Marked) -> None:
    marked.observe(FINE._replace(certificate_end=1.9e9))
    marked.observe(FINE)
    assert (marked.collect(), marked.reasons()) == ([0], ["200 OK"])
    assert marked.marks.layout.words[0][1] == 1.9e9


async def test_a_row_that_is_ahead_of_the_results_counts(marked: Marked) -> None:
    marked.marks.add(0)
    marked.observe(MOVED)
    assert marked.reasons() == ["301 Moved"]
    marked.observe(FINE)  # as before the row
    assert (marked.collect(), marked.reasons()) == ([0], ["200 OK"])


async def test_connections_of_a_row_are_those_of_its_servers(marked: Marked) -> None:
    row = marked.marks.layout.reals[1][1].row
    marked.marks.add_counts(row)
    reading = KernelReading(time.monotonic(), marked.usage)
    known = knowledge(marked.director, marked.director.health, TransitionHistory(), reading)
    assert marked.marks.take_connections(known) == [1, 2, 3, 4]
    assert marked.marks.take_connections(known) == []
    assert (marked.marks.reals, marked.marks.virtuals) == ({}, {})
