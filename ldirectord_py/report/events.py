"""The events of a director: each state change is exactly one event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ldirectord_py.administration import AdministrativeEntry, Decision
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.config.model import Config, Real, Virtual
from ldirectord_py.health import Transition
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.kernel import Refused
from ldirectord_py.ipvs.table import Destination, DestinationKey, Row
from ldirectord_py.report.lost import LostReports


class Phase(StrEnum):
    """The phase of the daemon in which the director wrote to the kernel."""

    START = "start"
    RUN = "run"
    RELOAD = "reload"
    STOP = "stop"


class Role(StrEnum):
    """The role of a destination in its virtual."""

    REAL = "real"
    FALLBACK = "fallback"
    UNKNOWN = "unknown"


class Checked(NamedTuple):
    """A probe moved a real server's counts or its state; ``reason`` and ``code`` are the probe's.

    ``key`` is the server's ``real_key``, one object in all of its events. ``phase`` is START or RELOAD for the first
    verdict on a server that came with that.
    """

    key: DestinationKey
    virtual: Virtual
    real: Real
    transition: Transition
    reason: str
    phase: Phase = Phase.RUN
    code: ReasonCode = ReasonCode.NOCHECK


class Probed(NamedTuple):
    """A probe of a real server ended; published only for virtuals that have a monitorfile."""

    virtual: Virtual
    real: Real
    result: Result


class Unjudged(NamedTuple):
    """A fault of this host, because of which ``checks`` of ``servers`` gave no verdict since the last event about it.

    ``check`` is the last of them, ``reason`` its result. ``over``: the fault is over.
    """

    check: Check
    reason: str
    checks: int = 1
    servers: int = 1
    over: bool = False


class Flapping(NamedTuple):
    """A server changed its state ``changes`` times within the window, and stays out while others are up; or it is over.

    It is over when the server was good for a whole window, or when an operator took it in hand.
    """

    virtual: Virtual
    real: Real
    changes: int
    over: bool = False


class Panic(NamedTuple):
    """Only ``good`` of ``total`` servers would stay in, so that those that go down stay in; or enough are up again."""

    virtual: Virtual
    good: int
    total: int
    began: bool = True


class SelfDoubted(NamedTuple):
    """Of ``total`` servers that passed, ``failing`` began to fail together, so that the director may be the fault.

    Or that is ``over``, and these fail ``still``. Servers are counted by their addresses.
    """

    failing: int
    total: int
    over: bool = False
    still: tuple[str, ...] = ()


class HostStalled(NamedTuple):
    """The daemon and its workers stood still so often since the last such event, for so many ``seconds`` in all.

    ``repeated`` probes failed meanwhile, and were repeated.
    """

    stalls: int
    seconds: float
    repeated: int


class ReportsLost(NamedTuple):
    """So many lines and messages were lost since the last such event."""

    lost: LostReports


class Written(NamedTuple):
    """The kernel accepted ``op`` on a row of ``virtual``, which may be one that a reload removed.

    ``before`` is the row that it replaced, if any; ``cause`` the verdict that led to it, if any.
    """

    op: Op
    before: Row | None
    role: Role
    phase: Phase
    cause: Checked | None = None
    virtual: Virtual | None = None

    @property
    def is_step(self) -> bool:
        """Whether the weight of a server that is in already rises after its recovery (``slowstart``)."""
        before, row, cause = self.before, self.op.row, self.cause
        if cause is None or not cause.transition.rose or cause.virtual.slowstart is None:
            return False
        return isinstance(before, Destination) and isinstance(row, Destination) and 0 < before.weight < row.weight


class NotWritten(NamedTuple):
    """The kernel refused an Op, which is tried again."""

    refused: Refused


class Drifted(NamedTuple):
    """Somebody else changed a row of ours; it is ``repaired``, or else accepted as found."""

    before: Row | None
    found: Row | None
    repaired: bool


class Unresolved(NamedTuple):
    """Rows of a virtual stay, as they may belong to ``names``, which have no address now."""

    virtual: Virtual
    names: tuple[str, ...]
    checked: tuple[DestinationKey, ...]
    unchecked: tuple[DestinationKey, ...]


class KernelLost(NamedTuple):
    """The kernel's table cannot be read or written; checks go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class KernelFound:
    """The kernel's table can be read and written again."""


class Outage(NamedTuple):
    """No real server of a virtual is up any more, or one is again."""

    virtual: Virtual
    began: bool


class Administered(NamedTuple):
    """An operator drained, disabled or enabled a real server, or the time of its state is over.

    ``before`` and ``after``: its entry, None while it is ready. ``by``: who made it ready and why, None if its time is
    over.
    """

    virtual: Virtual
    real: Real
    before: AdministrativeEntry | None
    after: AdministrativeEntry | None
    by: Decision | None = None


class ConfigInForce(NamedTuple):
    """A start or a reload has written the rows of a configuration to the kernel, or will when the kernel allows."""

    config: Config


class ReloadRefused(NamedTuple):
    """A configuration was not put in force, for these reasons; the one before stays."""

    reasons: tuple[str, ...]


Event = (
    Checked
    | Probed
    | Unjudged
    | Flapping
    | Panic
    | SelfDoubted
    | HostStalled
    | ReportsLost
    | Written
    | NotWritten
    | Drifted
    | Unresolved
    | KernelLost
    | KernelFound
    | Outage
    | Administered
    | ConfigInForce
    | ReloadRefused
)
Listener = Callable[[Event], None]
