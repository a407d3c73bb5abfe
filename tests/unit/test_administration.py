"""An entry follows its server through changes of the file and of addresses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import real, virtual
from ldirectord_py.administration import (
    ABSENT_TIME,
    AdministrativeEntry,
    AdministrativeState,
    Decision,
    Entries,
    by_identity,
    entry_of,
    find_administered,
    follow,
    is_over,
)
from ldirectord_py.config.model import Real, Virtual

WEB = "10.0.0.1:80"
REASON = Decision("alice", 1000.0, "new kernel")
ONE, TWO = "10.1.0.1:80", "10.1.0.2:80"


def drained(server: Real | str, site: Virtual | None = None) -> Entries:
    found = real(server) if isinstance(server, str) else server
    return by_identity([entry_of(site or virtual(WEB), found, AdministrativeState.DRAIN, REASON)])


def found(entries: Entries, *virtuals: Virtual) -> list[str]:
    return [key.endpoint for key in find_administered(entries, virtuals)]


@pytest.mark.parametrize(
    ("before", "after", "administered"),
    [
        (real(ONE), [real(ONE), real(TWO)], [ONE]),
        (real(ONE), [real(TWO)], []),
        (real(ONE), [real(ONE, name="web1")], [ONE]),
        (real(ONE, name="web1"), [real(TWO, name="web1")], [TWO]),
        (real(ONE, name="web1"), [real(TWO, name="web1"), real(ONE, name="web2")], [TWO]),
        (real(ONE, name="web1"), [real(ONE)], [ONE]),
        (real(ONE, name="web1"), [real(ONE, name="web1.example.com")], [ONE]),
        (real(ONE, name="web1"), [real("10.1.0.1:81", name="web1")], []),
    ],
)
def test_a_name_counts_before_an_address(before: Real, after: list[Real], administered: list[str]) -> None:
    assert found(drained(before), virtual(WEB, *after)) == administered


def test_only_the_virtual_of_the_entry_is_meant() -> None:
    assert found(drained(ONE), virtual("10.0.0.2:80", ONE), virtual(1, ONE)) == []


def test_an_entry_takes_the_new_address_and_name_of_its_server() -> None:
    moved = follow(drained(real(ONE, name="web1")), [virtual(WEB, real(TWO, name="web1"))], 2000.0)
    assert [(each.real, each.name) for each in moved.values()] == [(TWO, "web1:80")]
    renamed = follow(moved, [virtual(WEB, real(TWO, name="web9"))], 2000.0)
    assert [(each.real, each.name) for each in renamed.values()] == [(TWO, "web9:80")]
    unnamed = follow(moved, [virtual(WEB, real(TWO))], 2000.0)
    assert [(each.real, each.name) for each in unnamed.values()] == [(TWO, None)]


def test_a_server_that_left_the_file_keeps_its_entry_for_a_day() -> None:
    gone = follow(drained(ONE), [], 2000.0)
    assert [each.absent for each in gone.values()] == [2000.0]
    assert follow(gone, [virtual(WEB, TWO)], 2000.0 + ABSENT_TIME - 1) == gone
    assert not is_over(next(iter(gone.values())), 2000.0 + ABSENT_TIME - 1)
    assert is_over(next(iter(gone.values())), 2000.0 + ABSENT_TIME)
    assert follow(gone, [], 2000.0 + ABSENT_TIME) == {}
    assert follow(gone, [virtual(WEB, ONE)], 9000.0) == drained(ONE)


def test_a_name_without_an_address_keeps_its_entry() -> None:
    waiting = replace(virtual(WEB), unresolved=(real("0.0.0.0:80", name="web1"),))
    entries = drained(real(ONE, name="web1"))
    assert follow(entries, [waiting], 2000.0) == entries
    presumed = replace(waiting, reals=(real(ONE),))
    assert found(entries, presumed) == [ONE]
    assert follow(entries, [presumed], 2000.0) == entries


def test_the_time_of_an_entry_is_over_at_until() -> None:
    entry = entry_of(virtual(WEB), real(ONE), AdministrativeState.DRAIN, replace(REASON, until=5000.0))
    assert (is_over(entry, 4999.9), is_over(entry, 5000.0)) == (False, True)
    assert not is_over(replace(entry, decision=REASON), 1e12)


servers = st.builds(
    lambda number, name: real(f"10.1.0.{number}:80", name=name),
    st.integers(1, 3),
    st.none() | st.sampled_from(["web1", "web2"]),
)
sites = st.lists(servers, max_size=4, unique_by=lambda server: server.name or str(server)).map(
    lambda reals: virtual(WEB, *reals)
)


@given(entries=st.lists(servers, max_size=4), site=sites)
@example(entries=[real(ONE), real(ONE, name="web1"), real(ONE, name="web2")], site=virtual(WEB, real(ONE)))
def test_following_changes_no_servers_state(entries: list[Real], site: Virtual) -> None:
    held = by_identity([entry_of(virtual(WEB), each, AdministrativeState.DRAIN, REASON) for each in entries])
    followed = follow(held, [site], 2000.0)
    assert len(followed) <= len(held)
    assert all(entry.identity == identity for identity, entry in followed.items())
    before, after = find_administered(held, [site]), find_administered(followed, [site])
    assert before.keys() == after.keys()
    assert {key for key, entry in after.items() if entry.absent is not None} == set()


def test_the_identity_of_an_entry_is_its_name_or_else_its_address() -> None:
    entry = AdministrativeEntry("tcp:10.0.0.1:80", ONE, None, AdministrativeState.DRAIN, REASON)
    assert (entry.identity, replace(entry, name="web1:80").identity) == (
        ("tcp:10.0.0.1:80", ONE),
        ("tcp:10.0.0.1:80", "web1:80"),
    )
