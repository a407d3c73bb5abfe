"""Addresses and ports as the file writes them, and the names that stand for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from ldirectord_py.address import Address
from ldirectord_py.config.lines import InvalidValue

_NUMERIC = re.compile(r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]+|[0-9]+))*")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PLAIN = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){3}")
_DOTTED = re.compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True)
class HostName:
    """A host name that is to be looked up, and in which family."""

    name: str
    ipv6: bool


@dataclass(frozen=True, slots=True)
class PortName:
    """A service name that is to be looked up; without a protocol, any has it."""

    name: str
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """What lookups found, None where they found nothing, and the name of this host."""

    hosts: Mapping[HostName, Address | None] = field(default_factory=dict)
    ports: Mapping[PortName, int | None] = field(default_factory=dict)
    hostname: str = "localhost"

    def joined(self, more: Names) -> Names:
        """Return these names and more of the same host."""
        return Names({**self.hosts, **more.hosts}, {**self.ports, **more.ports}, self.hostname)


class Lookup:
    """Reads addresses and ports by means of Names; ``hosts`` and ``ports`` are the names that were asked for."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.hosts: set[HostName] = set()
        self.ports: set[PortName] = set()

    def address(self, text: str, *, ipv6: bool) -> Address | None:
        """Return the address, None for a name that does not resolve; raises InvalidValue for what is neither."""
        address = literal(text)
        if address is None:
            host = HostName(text, ipv6)
            self.hosts.add(host)
            address = self.names.hosts.get(host)
        elif (address.version == 6) != ipv6:
            raise _wrong_family(text, ipv6=ipv6)
        return address

    def port(self, text: str, protocol: str = "") -> int:
        """Return the port's number; raises InvalidValue for an unknown name or a number above 65535."""
        if text.isascii() and text.isdigit():
            if len(text) > 9 or int(text) > 65535:
                raise InvalidValue(f"port {text[:20]} does not exist", "write a port from 1 to 65535")
            return _port_number(text)
        name = PortName(text, protocol)
        self.ports.add(name)
        port = self.names.ports.get(name)
        if port is None:
            raise InvalidValue(f'no service is called "{text[:40]}"', "write the port's number")
        return port


@lru_cache(maxsize=1024)
def _port_number(text: str) -> int:
    """Return the one object for a number that many servers share."""
    return int(text)


def _wrong_family(text: str, *, ipv6: bool) -> InvalidValue:
    if ipv6:
        return InvalidValue(f"{text} is an IPv4 address, but this is a directive for IPv6", "use the one without 6")
    return InvalidValue(f"{text} is an IPv6 address, but this is a directive for IPv4", "use the one with 6")


@lru_cache(maxsize=65536)
def literal(text: str) -> Address | None:
    """Return the address that the text writes out, None for a name; raises InvalidValue for a wrong address."""
    try:
        if text.startswith("["):
            return IPv6Address(text[1:-1] if text.endswith("]") and "%" not in text else "")
        return IPv4Address(text) if _DOTTED.fullmatch(text) and text.count(".") == 3 else _shortened(text)
    except ValueError:
        return _shortened(text)


def _shortened(text: str) -> IPv4Address | None:
    """Read ``10.1``, ``0x7f.1`` or ``010.0.0.1`` as inet_aton(3) does; the original leaves it to that."""
    if text.startswith("[") or ":" in text:
        raise InvalidValue(f"{text[:60]} is not an IPv6 address", "write it in brackets, as in [2001:db8::1]")
    if not _NUMERIC.fullmatch(text):
        if not _NAME.fullmatch(text) or _DOTTED.fullmatch(text):
            raise InvalidValue(f'"{text[:60]}" is neither an address nor a host name', "correct it")
        return None
    *heads, last = (_number(part) for part in text.split("."))
    room = 256 ** (4 - len(heads)) if len(heads) < 4 else 0
    if any(head is None or head > 255 for head in heads) or last is None or last >= room:
        raise InvalidValue(f"{text[:60]} is not an IPv4 address", "write four numbers from 0 to 255")
    value = last
    for place, head in enumerate(heads):
        value += (head or 0) << 8 * (3 - place)
    return IPv4Address(value)


def _number(text: str) -> int | None:
    """Read a part of an address as inet_aton(3) does: 0x for hexadecimal, 0 for octal."""
    base = 16 if text[:2] in {"0x", "0X"} else 8 if text.startswith("0") else 10
    try:
        return int(text, base) if len(text) <= 12 else None
    except ValueError:
        return None


def is_shortened(text: str) -> bool:
    """Tell whether a literal address is one of IPv4 that is not written as four plain numbers."""
    return not text.startswith("[") and not _PLAIN.fullmatch(text)
