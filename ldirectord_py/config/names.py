"""Looks host and service names up: all at once, with one deadline."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from ldirectord_py.address import Address
from ldirectord_py.config.addresses import HostName, Names, PortName
from ldirectord_py.runtime.threads import DaemonThreads

THREADS = DaemonThreads("names", 32)
LOOKUP_TIMEOUT = 10.0
"""Seconds for all host names together."""

Known = Mapping[HostName, Address]
_NONE_KNOWN: Known = MappingProxyType({})


def hostname() -> str:
    """Return the host name that checks log in with: the environment's HOSTNAME, else the kernel's."""
    return os.environ.get("HOSTNAME") or os.uname().nodename


def look_up(
    hosts: frozenset[HostName], ports: frozenset[PortName], seconds: float = LOOKUP_TIMEOUT, known: Known = _NONE_KNOWN
) -> Names:
    """Return addresses and ports; None for names that are unknown or not found within ``seconds``.

    Of several addresses of a name, the ``known`` one is preferred, else the first.
    """
    return Names(_addresses(hosts, seconds, known), {name: _port(name) for name in ports}, hostname())


def _addresses(hosts: frozenset[HostName], seconds: float, known: Known) -> dict[HostName, Address | None]:
    """Look names up in a fixed number of daemon threads, so that a resolver that hangs blocks nothing else."""
    jobs = {}
    with suppress(OSError):  # no thread can be started: the rest is not found
        for host in hosts:
            jobs[THREADS.submit(partial(_address, host, known.get(host)))] = host
    found, late = wait(jobs, seconds)
    for job in late:
        THREADS.cancel(job)
    return {**dict.fromkeys(hosts), **{jobs[job]: job.result() for job in found}}


def _address(host: HostName, known: Address | None) -> Address | None:
    family = socket.AF_INET6 if host.ipv6 else socket.AF_INET
    try:
        answers = socket.getaddrinfo(host.name, None, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    texts = [str(answer[4][0]) for answer in answers]
    addresses = [IPv6Address(text) if host.ipv6 else IPv4Address(text) for text in texts if "%" not in text]
    if known in addresses:  # name servers rotate the addresses of a name
        return known
    return addresses[0] if addresses else None


def _port(name: PortName) -> int | None:
    """Return the port for the protocol, else for any protocol: some systems list ``http`` for tcp only."""
    for protocol in (name.protocol,) if name.protocol else ():
        try:
            return socket.getservbyname(name.name, protocol)
        except (OSError, UnicodeError):
            pass
    try:
        return socket.getservbyname(name.name)
    except (OSError, UnicodeError):
        return None
