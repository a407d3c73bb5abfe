"""``maintenancedir``: the file names that stand for a real server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Address, ip_address

from ldirectord_py.address import Address, bracketed, endpoint
from ldirectord_py.config.model import Real
from ldirectord_py.ipvs.table import DestinationKey

Names = Mapping[Address, str]
"""Host names found by reverse lookups."""

Reals = Iterable[tuple[DestinationKey, Real]]


def canonical(text: str) -> str:
    """Return the canonical spelling of a name: addresses shortest, IPv6 in brackets, host names in lower case."""
    host, _, port = text.rpartition(":")
    for address, suffix in ((text, ""), (host, f":{port}")):
        try:
            return bracketed(ip_address(_unbracketed(address))) + suffix
        except ValueError:
            continue
    return text.lower().rstrip(".")


def _unbracketed(text: str) -> str:
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def server_names(real: Real, found: str = "") -> Iterator[str]:
    """Yield the names of a server, with and without port: its address, its host names, their first labels.

    The host names are that of the configuration and the one ``found`` by a reverse lookup.
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


def index_servers(reals: Reals, names: Names) -> dict[str, list[DestinationKey]]:
    """Return the servers for each name."""
    listed = list(reals)
    found: dict[str, list[DestinationKey]] = {}
    for key, real in listed:
        for name in dict.fromkeys(server_names(real, names.get(real.server, ""))):
            found.setdefault(name, []).append(key)
    for address in {real.server for _, real in listed}:  # such a file stands for no address and port of another server
        name = bracketed(address)
        found[name] = [key for key in found[name] if key.address == address]
    return found


def in_maintenance(files: Iterable[str], servers: Mapping[str, Iterable[DestinationKey]]) -> frozenset[DestinationKey]:
    """Return the servers that these file names stand for."""
    return frozenset(key for file in files for key in servers.get(canonical(file), ()))
