"""What the compressed blocks of the journal give back."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from ldirectord_py.daemon.history.journal_entries import BLOCK_LENGTH, JournalEntries

COUNT = 2 * BLOCK_LENGTH + 3


def filled(count: int = COUNT) -> JournalEntries:
    entries = JournalEntries()
    for number in range(1, count + 1):
        entries.append(number + 0.1, f'{{"event":"é \\n {number}"}}')
    return entries


def test_every_entry_comes_back_as_it_was() -> None:
    entries = list(filled().from_number(0))
    assert [entry.seq for entry in entries] == list(range(1, COUNT + 1))
    assert [entry.seconds for entry in entries] == [number + 0.1 for number in range(1, COUNT + 1)]
    assert json.loads(entries[4].json) == {"seq": 5, "event": "é \n 5"}
    assert json.loads(entries[-1].json) == {"seq": COUNT, "event": f"é \n {COUNT}"}


@pytest.mark.parametrize("seq", [1, 2, BLOCK_LENGTH, BLOCK_LENGTH + 1, 2 * BLOCK_LENGTH + 1, COUNT, COUNT + 1])
def test_a_reader_goes_on_at_any_number(seq: int) -> None:
    assert [entry.seq for entry in filled().from_number(seq)] == list(range(seq, COUNT + 1))


def test_blocks_are_forgotten_when_the_last_of_their_entries_is_too_old() -> None:
    entries = filled()
    entries.drop_before(BLOCK_LENGTH)
    assert next(entries.from_number(0)).seq == 1
    entries.drop_before(BLOCK_LENGTH + 1)
    assert next(entries.from_number(0)).seq == BLOCK_LENGTH + 1
    entries.drop_before(COUNT + 1)
    assert [entry.seq for entry in entries.from_number(0)] == [COUNT - 2, COUNT - 1, COUNT]


@pytest.mark.parametrize(
    ("seconds", "seq"),
    [(0.0, 1), (BLOCK_LENGTH + 0.1, BLOCK_LENGTH), (BLOCK_LENGTH + 0.2, BLOCK_LENGTH + 1), (COUNT, COUNT)],
)
def test_the_first_entry_of_a_time_is_found(seconds: float, seq: int) -> None:
    assert filled().first_since(seconds, 1) == seq


def test_no_entry_is_later_than_the_last() -> None:
    assert filled().first_since(COUNT + 1, 1) is None
    assert JournalEntries().first_since(0, 1) is None


def test_after_the_clock_was_set_back_the_first_entry_of_a_time_is_found() -> None:
    entries = filled(BLOCK_LENGTH - 1)
    entries.append(1000.0, "{}")
    entries.append(5.0, "{}")
    assert entries.first_since(500.0, 1) == BLOCK_LENGTH
    assert entries.first_since(500.0, BLOCK_LENGTH + 1) is None
    assert entries.first_since(3.0, BLOCK_LENGTH + 1) == BLOCK_LENGTH + 1


def test_ten_thousand_entries_take_less_than_a_megabyte() -> None:
    text = (
        '{{"who":"ldirectord","event":"server-up","message":"Real server 10.1.{}.{}:80 is up: connected","pad":"{}"}}'
    )
    tracemalloc.start()
    try:
        entries = JournalEntries()
        for number in range(10_000):
            entries.append(number / 7, text.format(number // 250, number % 250, "x" * 250))
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
