"""Who may do what over the control socket."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

ROOT: Final = 0


class Right(IntEnum):
    """What a request needs: LOOK changes nothing, STEER may; whoever may STEER may LOOK."""

    LOOK = 1
    STEER = 2


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as the kernel knew it when it connected.

    ``adopted``: a process of the daemon's own, which may look, whoever runs it.
    """

    pid: int = 0
    uid: int = -1
    gids: frozenset[int] = frozenset()
    adopted: bool = False


UNKNOWN_PEER: Final = Peer()
ADOPTED_PEER: Final = Peer(adopted=True)


@dataclass(frozen=True, slots=True)
class Access:
    """Who has which right: root and ``owner``, the daemon's own user, may steer, and so may members of a control group.

    Members of a status group may look.
    """

    owner: int = ROOT
    control_gids: AbstractSet[int] = frozenset()
    status_gids: AbstractSet[int] = frozenset()

    @property
    def gids(self) -> list[int]:
        """The groups whose members may connect."""
        return sorted(self.control_gids | self.status_gids)

    def allows(self, peer: Peer, right: Right) -> bool:
        """Return whether a peer has a right."""
        if peer.adopted:
            return right is Right.LOOK
        if peer.uid in {ROOT, self.owner} or self.control_gids & peer.gids:
            return True
        return right is Right.LOOK and bool(self.status_gids & peer.gids)
