"""What an examination of the host yields: findings, and what it could not look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ldirectord_py.config.model import Config, Fallback, Forward, Real, Virtual
from ldirectord_py.doctor.facts import Area, HostFacts

MAX_NAMES: Final = 3
"""Virtuals or servers that a text names for a finding; JSON has all."""


class Gravity(StrEnum):
    """How much a finding matters: it stops traffic, it may, or it could be better."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something of the host that stands in the way: ``about`` names virtuals or servers, ``remedy`` what to do.

    ``code`` names the finding for programs and stays the same from version to version.
    """

    code: str
    gravity: Gravity
    about: tuple[str, ...]
    what: str
    remedy: str

    @property
    def subject(self) -> str:
        """The first virtuals or servers that it is about, as text."""
        names = ", ".join(self.about[:MAX_NAMES])
        return names if len(self.about) <= MAX_NAMES else f"{names} and {len(self.about) - MAX_NAMES} more"


@dataclass(frozen=True, slots=True)
class Unseen:
    """An area that had to be looked at, and could not be."""

    area: Area


Look = Callable[[Config, HostFacts], Iterator[Finding | Unseen]]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A real server or a fallback, in its virtual."""

    virtual: Virtual
    server: Real | Fallback

    @property
    def name(self) -> str:
        """``VIRTUAL/SERVER``."""
        return f"{self.virtual.id}/{self.server}"

    @property
    def port(self) -> int:
        """The port that the kernel sends packets to, 0 for the port that they came to."""
        own = self.server.port if self.server.forward is Forward.MASQ else 0
        return own or getattr(self.virtual.key, "port", 0)


def forwarded(config: Config, *methods: Forward, reals_only: bool = False) -> Iterator[Forwarded]:
    """Yield the servers that packets are forwarded to by one of these methods, by any without ``methods``."""
    for virtual in config.virtuals:
        fallback = (virtual.fallback,) if virtual.fallback and not reals_only else ()
        for server in (*virtual.reals, *fallback):
            if not methods or server.forward in methods:
                yield Forwarded(virtual, server)


def set_sysctl(name: str, value: int) -> str:
    """Return the command that sets a sysctl now; the page says how to keep it."""
    return f"sysctl -w {name}={value}"
