"""Drops or rejects packets by their destination address, with the packet filter that the kernel has.

It is nftables if it has the family ``inet``, else ipset with the older iptables, as in User-Mode Linux.
"""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Literal

from harness.host import program_path

Address = IPv4Address | IPv6Address
Kind = Literal["dark", "refusing"]
Run = Callable[..., str]
"""Runs a program in a namespace with the input ``given``: ``Namespace.run``."""

SETS: Final = tuple(f"{kind}{version}" for kind in ("dark", "refusing") for version in "46")

_NFTABLES: Final = """
add table inet faults
delete table inet faults
table inet faults {
    set dark4 { type ipv4_addr; }
    set dark6 { type ipv6_addr; }
    set refusing4 { type ipv4_addr; }
    set refusing6 { type ipv6_addr; }
    chain input {
        type filter hook input priority 0;
        ip daddr @dark4 drop
        ip6 daddr @dark6 drop
        ip daddr @refusing4 meta l4proto tcp reject with tcp reset
        ip6 daddr @refusing6 meta l4proto tcp reject with tcp reset
    }
}
"""
_IPTABLES: Final = """
*filter
-A INPUT -m set --match-set dark{version} dst -j DROP
-A INPUT -p tcp -m set --match-set refusing{version} dst -j REJECT --reject-with tcp-reset
COMMIT
"""


class PacketFilter(ABC):
    """The packet filter of one namespace."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @abstractmethod
    def prepare(self) -> None:
        """Install the rules, for no address yet."""

    @abstractmethod
    def add(self, kind: Kind, addresses: Sequence[Address]) -> None:
        """Drop packets to these addresses, or answer TCP with a reset."""

    @abstractmethod
    def clear(self) -> None:
        """Accept packets to every address."""


class _Nftables(PacketFilter):
    def prepare(self) -> None:
        self._run("nft", "-f", "-", given=_NFTABLES)

    def add(self, kind: Kind, addresses: Sequence[Address]) -> None:
        lines = (f"add element inet faults {kind}{address.version} {{ {address} }}" for address in addresses)
        self._run("nft", "-f", "-", given="\n".join(lines) + "\n")

    def clear(self) -> None:
        self._run("nft", "; ".join(f"flush set inet faults {name}" for name in SETS))


class _Ipset(PacketFilter):
    def prepare(self) -> None:
        sets = (
            f"create -exist {name} hash:ip family inet{'6' if name[-1] == '6' else ''}\nflush {name}\n" for name in SETS
        )
        self._run("ipset", "restore", given="".join(sets))
        self._run("iptables-legacy-restore", given=_IPTABLES.format(version=4))
        self._run("ip6tables-legacy-restore", given=_IPTABLES.format(version=6))

    def add(self, kind: Kind, addresses: Sequence[Address]) -> None:
        self._run("ipset", "restore", given="".join(f"add -exist {kind}{a.version} {a}\n" for a in addresses))

    def clear(self) -> None:
        self._run("ipset", "restore", given="".join(f"flush {name}\n" for name in SETS))


def packet_filter(run: Run) -> PacketFilter:
    """Return the packet filter of the namespace in which ``run`` runs programs."""
    return _Nftables(run) if has_nftables() else _Ipset(run)


@cache
def has_nftables() -> bool:
    """Return whether nftables has the family ``inet`` here, tried in a network namespace of its own."""
    probe = ("unshare", "--net", "nft", "add table inet probe")
    environment = {"PATH": program_path()}
    return subprocess.run(probe, check=False, capture_output=True, env=environment).returncode == 0
