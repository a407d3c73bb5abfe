"""A client of the request ``watch``, and what it knows beside what ``show`` says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from harness.control import RawClient
from harness.running_daemon import RunningDaemon
from ldirectord_py.control.server_replica import ReplicaChanges, ServerReplica

TIMES = frozenset(("age", "at", "since", "latency"))


class Follower:
    """A replica of the servers of a daemon, and the answers that it got."""

    def __init__(self, client: RawClient, other: RawClient, which: str = "all") -> None:
        self.replica = ServerReplica(which)
        self.answers: list[dict[str, Any]] = []
        self._client = client
        self._other = other
        self._which = which
        client.send({"request": "watch", "which": which})

    async def update(self) -> ReplicaChanges:
        """Apply the next answer."""
        self.answers.append(await self._client.answer())
        changes = self.replica.apply(self.answers[-1], time.monotonic())
        assert changes is not None
        return changes

    async def update_with(self, field: str) -> ReplicaChanges:
        """Apply answers until one has changes of this field of ReplicaChanges, and return those."""
        async with asyncio.timeout(10):
            while not getattr(changes := await self.update(), field):
                pass
        return changes

    async def agrees(self) -> None:
        """Apply answers until the replica says what ``show`` says."""
        shown: Any = None
        try:
            async with asyncio.timeout(10):
                while shown is None or rows(self.replica.answer) != shown:
                    await self.update()
                    shown = rows(await self._other.ask({"request": "show", "which": self._which}))
        except TimeoutError:
            known, wanted = rows(self.replica.answer), shown or {}
            differing = [name for name in {**known, **wanted} if known.get(name) != wanted.get(name)]
            text = "; ".join(f"{name}: {known.get(name)}, not {wanted.get(name)}" for name in differing)
            raise AssertionError(f"after {len(self.answers)} answers: {text}") from None


async def follow(place: RunningDaemon, which: str = "all") -> Follower:
    """Return a follower that has the first answer."""
    follower = Follower(await place.connect(), await place.connect(), which)
    assert (await follower.update()).everything
    return follower


def rows(answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return virtuals and servers by name, without what depends on the moment at which they were asked for."""
    virtuals = answer["virtuals"] if answer else ()
    reals = {f"{real['virtual']}/{real['real']}": _timeless(real) for virtual in virtuals for real in virtual["reals"]}
    return reals | {virtual["virtual"]: _timeless({**virtual, "reals": ()}) for virtual in virtuals}


def _timeless(fields: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if name not in TIMES and name != "number"}
    return {name: _timeless(value) if isinstance(value, dict) else value for name, value in kept.items()}
