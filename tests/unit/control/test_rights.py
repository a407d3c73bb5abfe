"""Root and the daemon's user may do everything, groups what they were given."""

from __future__ import annotations

import pytest

from ldirectord_py.control.rights import Access, Peer, Right

ACCESS = Access(500, frozenset({10}), frozenset({20}))


@pytest.mark.parametrize(
    ("peer", "look", "steer"),
    [
        (Peer(1, 0), True, True),
        (Peer(1, 500), True, True),
        (Peer(1, 501), False, False),
        (Peer(1, 501, frozenset({10, 30})), True, True),
        (Peer(1, 501, frozenset({20, 30})), True, False),
        (Peer(1, 501, frozenset({10, 20})), True, True),
        (Peer(1, 501, frozenset({0})), False, False),
    ],
)
def test_who_may_do_what(peer: Peer, look: bool, steer: bool) -> None:
    assert (ACCESS.allows(peer, Right.LOOK), ACCESS.allows(peer, Right.STEER)) == (look, steer)


def test_without_groups_there_is_root_only() -> None:
    assert Access().gids == []
    assert not Access().allows(Peer(1, 501, frozenset({0})), Right.LOOK)
