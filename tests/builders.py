"""Configurations and verdicts for tests, in few words."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Kind, Result, Target
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.config.model import Config, Fallback, Forward, Globals, Real, Virtual
from ldirectord_py.desired import real_key
from ldirectord_py.health import Transition, Verdict
from ldirectord_py.ipvs.table import FirewallMark, Protocol, ServiceKey, VirtualAddress
from ldirectord_py.report.events import Checked


async def passes(target: Target) -> str:
    """Pass every server."""
    return "ok"


KINDS = {
    "http": Kind("http", passes, port=80, uses=frozenset({"request", "receive", "httpmethod", "virtualhost"})),
    "imap": Kind("imap", passes, port=143, uses=frozenset({"login", "passwd"})),
    "none": Kind("none", passes),
}


def split(text: str) -> tuple[Address, int]:
    """Return the address and the port of ``address:port``."""
    host, _, port = text.rpartition(":")
    return ip_address(host.strip("[]")), int(port)


def service_key(text: str | int, protocol: Protocol = Protocol.TCP) -> ServiceKey:
    """Return the key of ``address:port``, or of a firewall mark."""
    return FirewallMark(text) if isinstance(text, int) else VirtualAddress(protocol, *split(text))


def real(text: str, forward: Forward = Forward.MASQ, **directives: Any) -> Real:
    """Return the real server ``address:port``."""
    return Real(*split(text), forward, **directives)


def fallback(text: str, forward: Forward = Forward.MASQ) -> Fallback:
    """Return the fallback server ``address:port``."""
    return Fallback(*split(text), forward)


def virtual(text: str | int, *reals: Real | str, protocol: Protocol = Protocol.TCP, **directives: Any) -> Virtual:
    """Return the virtual ``address:port``, or of a firewall mark, checked by http."""
    servers = tuple(real(each) if isinstance(each, str) else each for each in reals)
    return Virtual(service_key(text, protocol), servers, **{"service": "http", **directives})


def config(*virtuals: Virtual, **settings: Any) -> Config:
    """Return the configuration of these virtuals."""
    return Config(Globals(**settings), virtuals)


def up(reason: str = "ok") -> Result:
    """Return the result of a check that passed."""
    return Result(Verdict.UP, reason, 0.01, ReasonCode.L7OK)


def down(reason: str = "connect refused") -> Result:
    """Return the result of a check that failed."""
    return Result(Verdict.DOWN, reason, 0.01, ReasonCode.L4CON)


def unjudged(reason: str = "too many open files") -> Result:
    """Return the result of a check that a fault of this host kept from judging."""
    return Result(Verdict.NONE, reason, 0.01, ReasonCode.SOCKERR)


def verdict_on(virtual: Virtual, real: Real, transition: Transition, reason: str = "", **fields: Any) -> Checked:
    """Return the event of a verdict on a real server."""
    return Checked(real_key(virtual, real), virtual, real, transition, reason, **fields)
