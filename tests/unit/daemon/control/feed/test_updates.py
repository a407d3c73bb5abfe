"""Updates are kept for those who are a little behind, within limits."""

from __future__ import annotations

import pytest

from ldirectord_py.control.protocol import Encoded
from ldirectord_py.daemon.control.feed import updates as keeping
from ldirectord_py.daemon.control.feed.updates import FeedUpdates


def numbers(updates: FeedUpdates, since: int) -> list[int] | None:
    found = updates.after(since)
    return None if found is None else [update.number for update in found]


def test_updates_after_a_number() -> None:
    updates = FeedUpdates()
    assert numbers(updates, -1) is None
    assert numbers(updates, 0) == []
    for _ in range(3):
        updates.append({})
    assert [numbers(updates, since) for since in (0, 2, 3, 4)] == [[1, 2, 3], [3], [], None]


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_UPDATES", 2)
    updates = FeedUpdates()
    for _ in range(3):
        updates.append({})
    assert [numbers(updates, since) for since in (0, 1, 2)] == [None, [2, 3], [3]]


def test_only_so_long_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_UPDATES_LENGTH", 10)
    updates = FeedUpdates()
    for length in (4, 4, 4):
        updates.append({"reals": Encoded("x" * length), "kernel": {}})
    assert [numbers(updates, since) for since in (0, 1, 2)] == [None, [2, 3], [3]]
    updates.append({"reals": Encoded("x" * 11)})
    assert [numbers(updates, since) for since in (3, 4)] == [None, []]


def test_everybody_begins_anew() -> None:
    updates = FeedUpdates()
    updates.append({})
    updates.start_anew()
    assert [numbers(updates, since) for since in (0, 1, 2)] == [None, None, []]
