"""``maintenancedir``: which file names stand for a real server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Address, ip_address

from ldirectord_py.address import Address, bracketed, endpoint
from ldirectord_py.config.model import Real
from ldirectord_py.ipvs.table import DestinationKey

Names = Mapping[Address, str]
"""The host names that reverse lookups have found."""

Reals = Iterable[tuple[DestinationKey, Real]]


def canonical(text: str) -> str:
    """Return a name of a server as ``names_of`` spells it: addresses shortest, IPv6 in brackets, names in small."""
    host, _, port = text.rpartition(":")
    for address, suffix in ((text, ""), (host, f":{port}")):
        try:
            return bracketed(ip_address(_unbracketed(address))) + suffix
        except ValueError:
            continue
    return text.lower().rstrip(".")


def _unbracketed(text: str) -> str:
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def names_of(real: Real, found: str = "") -> Iterator[str]:
    """Yield what may stand for a server, each with and without its port: address, names, first labels of names.

    Its names are the one of the configuration and the one ``found`` by a reverse lookup.
    """
    yield bracketed(real.server)
    yield endpoint(real.server, real.port)
    if isinstance(real.server, IPv6Address):
        yield canonical(f"{real.server}:{real.port}")  # without brackets it may read as another address
    for name in filter(None, (real.name, found)):
        full = canonical(name)
        for each in dict.fromkeys((full, full.partition(".")[0])):
            yield each
            yield f"{each}:{real.port}"


def index(reals: Reals, names: Names) -> dict[str, list[DestinationKey]]:
    """Return the servers that each name stands for."""
    listed = list(reals)
    meant: dict[str, list[DestinationKey]] = {}
    for key, real in listed:
        for name in dict.fromkeys(names_of(real, names.get(real.server, ""))):
            meant.setdefault(name, []).append(key)
    for address in {real.server for _, real in listed}:  # it means no address and port of another server
        name = bracketed(address)
        meant[name] = [key for key in meant[name] if key.address == address]
    return meant


def in_maintenance(files: Iterable[str], meant: Mapping[str, Iterable[DestinationKey]]) -> frozenset[DestinationKey]:
    """Return the servers that the names of these files stand for."""
    return frozenset(key for file in files for key in meant.get(canonical(file), ()))
