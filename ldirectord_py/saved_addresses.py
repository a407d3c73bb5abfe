"""The section of a state file with the addresses of host names: a start without a resolver serves the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import Any, Final

from ldirectord_py.address import Address
from ldirectord_py.config.addresses import HostName, is_host_name
from ldirectord_py.saved_state import ADDRESSES, fault_text, shown

MAX_SAVED_NAMES: Final = 10_000
"""Names of each address family."""

MAX_NAME_LENGTH: Final = 255
"""Characters of a name."""

_FAMILIES: Final[Mapping[str, type[IPv4Address | IPv6Address]]] = {"ipv4": IPv4Address, "ipv6": IPv6Address}

Hosts = Mapping[HostName, Address]
"""The address of each host name."""


def addresses_section(hosts: Hosts) -> dict[str, Any]:
    """Return the section of these addresses."""
    return {"version": 1, **{family: _family(hosts, ipv6=family == "ipv6") for family in _FAMILIES}}


def _family(hosts: Hosts, *, ipv6: bool) -> dict[str, str]:
    found = ((host.name, str(address)) for host, address in hosts.items() if host.ipv6 is ipv6)
    return dict(islice((each for each in found if len(each[0]) <= MAX_NAME_LENGTH), MAX_SAVED_NAMES))


def read_addresses(section: Any) -> tuple[Hosts, tuple[str, ...]]:
    """Return the valid addresses of a section, and what is wrong with the rest of it."""
    if not isinstance(section, dict) or section.get("version") != 1:
        version = shown(section.get("version")) if isinstance(section, dict) else "none"
        return {}, (f"its section {ADDRESSES} has the version {version}, not 1",)
    hosts: dict[HostName, Address] = {}
    faults: list[str] = []
    for family in _FAMILIES:
        names = section.get(family)
        if not isinstance(names, dict):
            faults.append(f"its section {ADDRESSES} has no names of {family}")
            continue
        hosts |= dict(_read_names(names, family, faults))
    return hosts, tuple(faults)


def _read_names(names: Mapping[str, Any], family: str, faults: list[str]) -> Iterator[tuple[HostName, Address]]:
    """Yield the valid addresses of a family; append what is wrong with the others."""
    for name, address in islice(names.items(), MAX_SAVED_NAMES):
        try:
            yield _host_name(name, family), _FAMILIES[family](_address_text(address))
        except ValueError as fault:
            faults.append(f"the name {shown(name)} of its section {ADDRESSES} is invalid: {fault_text(fault)}")
    if len(names) > MAX_SAVED_NAMES:
        faults.append(f"its section {ADDRESSES} has more than {MAX_SAVED_NAMES} names of {family}")


def _host_name(name: str, family: str) -> HostName:
    if len(name) > MAX_NAME_LENGTH or not is_host_name(name):
        raise ValueError("it is no host name")
    return HostName(name, family == "ipv6")


def _address_text(address: Any) -> str:
    if not isinstance(address, str) or "%" in address:  # a number would be an address, too
        raise ValueError(f"{shown(address)} is no address")
    return address
