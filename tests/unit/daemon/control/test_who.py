"""Who sends a request."""

from __future__ import annotations

import pwd

import pytest

from ldirectord_py.control.protocol import ControlRequest
from ldirectord_py.control.rights import Peer
from ldirectord_py.daemon.control.who import who


def request(uid: int, **arguments: object) -> ControlRequest:
    return ControlRequest("drain", arguments, peer=Peer(1, uid))


@pytest.mark.parametrize(
    ("uid", "claimed", "name"),
    [
        (0, None, "root"),
        (0, "alice", "root (sudo: alice)"),
        (0, "a\x1b[2J", "root"),
        (0, "x" * 65, "root"),
        (65534, "alice", "nobody"),
        (4_000_000_000, "alice", "user 4000000000"),
    ],
)
async def test_only_root_may_act_for_somebody(uid: int, claimed: str | None, name: str) -> None:
    assert await who(request(uid, sudo_user=claimed)) == name


async def test_a_resolver_that_fails_leaves_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(pwd, "getpwuid", fail)
    assert await who(request(65534)) == "user 65534"
