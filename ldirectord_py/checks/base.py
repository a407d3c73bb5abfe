"""The types of checks: the target, the checker, the kind, the check on a clock, and the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ldirectord_py.address import Address
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.health import Pace, Verdict
from ldirectord_py.ipvs.table import Protocol, ServiceKey


@dataclass(frozen=True, slots=True)
class Target:
    """A server and the parameters of its check. Equal targets are probed once.

    A plan sets only the fields that the kind of check uses. ``timeout`` is in seconds and limits the whole check.
    ``tlsca`` is the content of the file (PEM), empty without ``tlsverify``. ``virtual`` is set only for checks that
    use it.
    """

    address: Address
    port: int
    timeout: float
    protocol: Protocol = Protocol.TCP
    request: str = ""
    receive: str = ""
    httpmethod: str = "GET"
    virtualhost: str | None = None
    login: str = ""
    passwd: str = field(default="", repr=False)
    database: str = ""
    secret: str = field(default="", repr=False)
    tlsverify: bool = False
    tlsca: str = field(default="", repr=False)
    tlsname: str = ""
    starttls: bool = False
    expectstatus: str = ""
    followredirects: bool = True
    command: str = ""
    attempts: int = 1
    virtual: ServiceKey | None = None


TLS = frozenset({"tlsverify", "tlsca", "tlsname"})
"""The fields of a Target that a check over TLS uses."""

Checker = Callable[[Target], Awaitable[str]]
"""A check: returns a word for the log; raises CheckFailed, Inconclusive or OSError when not healthy."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A word of ``service``.

    ``port`` implies the word where the file has none (0: no port does); ``login`` and ``passwd`` are defaults; ``uses``
    names the fields of a Target that the check reads, ``needs`` the directives without which it cannot pass;
    ``protocol`` applies to virtuals of firewall marks, which have none; ``driver`` is the module that it requires,
    ``extra`` the extra of this package that installs the driver. A kind without a ``check`` is known to the grammar
    only. ``prepare`` returns the checker of one target. It is called once for each check, and must neither wait nor
    raise; without it all checks have ``check`` as their checker.
    """

    name: str
    check: Checker | None
    port: int = 0
    login: str = ""
    passwd: str = ""
    uses: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    driver: str = ""
    extra: str = ""
    protocol: Protocol = Protocol.TCP
    prepare: Callable[[Target], Checker] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check to be probed every ``interval`` seconds: its kind by name, and its target.

    ``connects`` is the N of a numeric checktype (one negotiation after N probes that connect, these within
    ``connect_timeout`` seconds), else None. ``pace`` is set where the interval depends on the verdicts. Checks are
    looked up far more often than created, so they keep their hash.
    """

    kind: str
    target: Target
    interval: float
    connects: int | None = None
    connect_timeout: float = 0
    pace: Pace | None = None
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.kind, self.target, self.interval, self.connects)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Check], tuple[object, ...]]:
        """Compute the hash again where it is unpickled: hashes of strings differ from process to process."""
        return Check, (self.kind, self.target, self.interval, self.connects, self.connect_timeout, self.pace)

    @property
    def max_interval(self) -> float:
        """The longest time from one probe to the next, in seconds."""
        return max(self.interval, *(filter(None, self.pace[:2]))) if self.pace else self.interval


class Result(NamedTuple):
    """The result of one probe: the verdict, its reason in words, the duration in seconds, and the reason as a code.

    ``conclusive_after`` is 1 for a result that counts at once. A result in doubt counts only after this
    number of probes in a row in doubt. ``certificate_end`` is when the certificate of the server ends, in seconds since
    the epoch, if the probe saw one.
    """

    verdict: Verdict
    reason: str
    seconds: float
    code: ReasonCode = ReasonCode.NOCHECK
    conclusive_after: int = 1
    certificate_end: float | None = None
