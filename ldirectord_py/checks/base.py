"""What a check is given, what it gives, and how a kind of check is declared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ldirectord_py.address import Address
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol, ServiceKey


@dataclass(frozen=True, slots=True)
class Target:
    """A server and what is asked of it: the identity of a check, so that equal targets are probed once.

    A plan fills in only the fields that the kind of check uses. ``timeout`` is in seconds and bounds
    everything that the check does. ``tlsca`` is what the file holds (PEM), and nothing without ``tlsverify``.
    ``virtual`` is set only for checks that are told their virtual.
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

    ``port`` implies the word where the file has none (0: no port does); ``login`` and ``passwd`` are the
    defaults; ``uses`` names the Target fields that the check reads; ``protocol`` is what a firewall mark,
    which has none, is checked over; ``needs`` names the directives without which the check cannot pass;
    ``driver`` is the module that must be installed for it, ``extra`` the extra of this package that installs
    it. A kind without a ``check`` is known to the grammar only. ``prepare`` makes the checker of one target,
    once for all its probes, where the probes have something to share; it must neither wait nor raise.
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
    """A check on its clock: the target, the checker by name, and the ``interval`` in seconds.

    ``connects`` is the N of a numeric checktype (each N-th probe negotiates, the others connect within
    ``connect_timeout`` seconds), else None. It is looked up far more often than made, so it keeps its hash.
    """

    kind: str
    target: Target
    interval: float
    connects: int | None = None
    connect_timeout: float = 0
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.kind, self.target, self.interval, self.connects)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Check], tuple[object, ...]]:
        """Have it made anew where it is unpickled: the hashes of words are others in each process."""
        return Check, (self.kind, self.target, self.interval, self.connects, self.connect_timeout)


class Result(NamedTuple):
    """What one probe found: the verdict, its reason in words, and how long it took in seconds.

    ``conclusive_after`` is 1 for a result that counts at once. One in doubt has to be repeated, and counts when so
    many probes in a row have ended in doubt.
    """

    verdict: Verdict
    reason: str
    seconds: float
    conclusive_after: int = 1
