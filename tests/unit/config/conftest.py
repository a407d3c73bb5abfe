from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import HostName, Names, PortName

UNCHECKED = {"mysql", "oracle"}


async def _check(target: Target) -> str:
    raise NotImplementedError(target)


@pytest.fixture(scope="session")
def kinds() -> Mapping[str, Kind]:
    """Return the words of ``service``, all but two with a check."""
    return {name: replace(kind, check=None if name in UNCHECKED else _check) for name, kind in KINDS.items()}


@pytest.fixture(scope="session")
def names() -> Names:
    """Return what a resolver would have found, and that it did not find gone.example.net."""
    hosts = {
        HostName("vip", ipv6=False): IPv4Address("192.0.2.1"),
        HostName("vip6", ipv6=True): IPv6Address("2001:db8::99"),
        HostName("web1", ipv6=False): IPv4Address("203.0.113.1"),
        HostName("web2", ipv6=False): IPv4Address("203.0.113.2"),
        HostName("web3", ipv6=False): IPv4Address("203.0.113.3"),
        HostName("web_2", ipv6=False): IPv4Address("203.0.113.22"),
        HostName("web6", ipv6=True): IPv6Address("2001:db8::6"),
        HostName("gone.example.net", ipv6=False): None,
    }
    ports = {
        PortName(name, protocol): port
        for name, port in (("http", 80), ("https", 443), ("domain", 53))
        for protocol in ("", "tcp", "udp")
    }
    return Names(hosts, {**ports, PortName("nosuch"): None, PortName("nosuch", "tcp"): None}, "director")
