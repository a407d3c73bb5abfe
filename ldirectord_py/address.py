"""Addresses of hosts and their text."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address


def endpoint(address: Address, port: int) -> str:
    """Return ``address:port``, an IPv6 address in brackets."""
    return f"{bracketed(address)}:{port}"


def bracketed(address: Address) -> str:
    """Return the address as ldirectord.cf writes it: IPv6 in brackets."""
    return f"[{address}]" if address.version == 6 else str(address)
