"""Addresses and ports as text, and the host and service names that stand for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from ldirectord_py.address import Address
from ldirectord_py.config.diagnostics import InvalidValue

_NUMERIC = re.compile(r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]+|[0-9]+))*")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PLAIN = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){3}")
_BYTES = {str(number): number for number in range(256)}
_DOTTED = re.compile(r"[0-9.]+")


class HostName(NamedTuple):
    """A host name to look up, and the address family."""

    name: str
    ipv6: bool


class PortName(NamedTuple):
    """A service name to look up; without a protocol, that of any protocol."""

    name: str
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """The results of lookups, None for a name that was not found, and the name of this host."""

    hosts: Mapping[HostName, Address | None] = field(default_factory=dict)
    ports: Mapping[PortName, int | None] = field(default_factory=dict)
    hostname: str = "localhost"

    def joined(self, more: Names) -> Names:
        """Return these names and ``more``."""
        return Names({**self.hosts, **more.hosts}, {**self.ports, **more.ports}, self.hostname)


def host_name(text: str, *, ipv6: bool) -> HostName | None:
    """Return the name to look up; None for an address, and for text that is neither."""
    return HostName(text, ipv6) if is_host_name(text) else None


def is_host_name(text: str) -> bool:
    """Return whether the text is neither an address nor invalid."""
    if _PLAIN.fullmatch(text):
        return False
    try:
        return literal(text) is None
    except InvalidValue:
        return False


def port_name(text: str, protocol: str = "") -> PortName | None:
    """Return the service name to look up; None for a number or an empty text."""
    return PortName(text, protocol) if text and not _is_number(text) else None


def find_address(text: str, names: Names, *, ipv6: bool) -> Address | None:
    """Return the address, None for a name that does not resolve; raises InvalidValue for what is neither."""
    address = literal(text)
    if address is None:
        return names.hosts.get(HostName(text, ipv6))
    if (address.version == 6) != ipv6:
        raise _wrong_family(text, ipv6=ipv6)
    return address


def find_port(text: str, names: Names, protocol: str = "") -> int:
    """Return the port's number; raises InvalidValue for an unknown name or a number above 65535."""
    if _is_number(text):
        if len(text) > 9 or (number := _integer(text)) > 65535:
            raise InvalidValue(f"port {text[:20]} does not exist", "write a port from 1 to 65535")
        return number
    port = names.ports.get(PortName(text, protocol))
    if port is None:
        raise InvalidValue(f'no service is called "{text[:40]}"', "write the port's number")
    return port


@lru_cache(maxsize=64)
def _integer(text: str) -> int:
    """Return one object for equal numbers: there are many servers, and 32 bytes for each port."""
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _wrong_family(text: str, *, ipv6: bool) -> InvalidValue:
    if ipv6:
        return InvalidValue(f"{text} is an IPv4 address, but this is a directive for IPv6", "use the one without 6")
    return InvalidValue(f"{text} is an IPv6 address, but this is a directive for IPv4", "use the one with 6")


def literal(text: str) -> Address | None:
    """Return the address that the text writes out, None for a name; raises InvalidValue for a wrong address."""
    if text.startswith("["):
        return _ipv6(text)
    return plain_address(text) or _shortened(text)


def plain_address(text: str) -> IPv4Address | None:
    """Return an IPv4 address in four decimal numbers without leading zeros, None for any other text."""
    try:
        first, second, third, fourth = map(_BYTES.__getitem__, text.split("."))
    except (KeyError, ValueError):
        return None
    return IPv4Address(first << 24 | second << 16 | third << 8 | fourth)  # a tenth of the time of IPv4Address(text)


def _ipv6(text: str) -> Address | None:
    try:
        return IPv6Address(text[1:-1] if text.endswith("]") and "%" not in text else "")
    except ValueError:
        return _shortened(text)


def _shortened(text: str) -> IPv4Address | None:
    """Read ``10.1``, ``0x7f.1`` or ``010.0.0.1`` as inet_aton(3) does, which the original calls."""
    if text.startswith("[") or ":" in text:
        raise InvalidValue(f"{text[:60]} is not an IPv6 address", "write it in brackets, as in [2001:db8::1]")
    if not _NUMERIC.fullmatch(text):
        if not _NAME.fullmatch(text) or _DOTTED.fullmatch(text):
            raise InvalidValue(f'"{text[:60]}" is neither an address nor a host name', "correct it")
        return None
    *first, last = (_number(part) for part in text.split("."))
    limit = 256 ** (4 - len(first)) if len(first) < 4 else 0
    if any(byte is None or byte > 255 for byte in first) or last is None or last >= limit:
        raise InvalidValue(f"{text[:60]} is not an IPv4 address", "write four numbers from 0 to 255")
    value = last
    for index, byte in enumerate(first):
        value += (byte or 0) << 8 * (3 - index)
    return IPv4Address(value)


def _number(text: str) -> int | None:
    """Read a part of an address as inet_aton(3) does: 0x for hexadecimal, 0 for octal."""
    base = 16 if text[:2] in {"0x", "0X"} else 8 if text.startswith("0") else 10
    try:
        return int(text, base) if len(text) <= 12 else None
    except ValueError:
        return None


def is_shortened(text: str) -> bool:
    """Return whether a literal IPv4 address is not written as four decimal numbers."""
    return not text.startswith("[") and not _PLAIN.fullmatch(text)
