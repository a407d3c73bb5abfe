"""The names of servers in commands: ``REAL`` or ``VIRTUAL/REAL``, each an address, a host name or a glob."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate
from ipaddress import IPv6Address
from itertools import islice
from typing import Final

from ldirectord_py.address import bracketed
from ldirectord_py.administration import AdministrativeEntry
from ldirectord_py.config.model import Real, Virtual
from ldirectord_py.errors import LdirectordError
from ldirectord_py.ipvs.table import FirewallMark
from ldirectord_py.maintenance_names import canonical, server_names

MAX_COMPARED: Final = 1000
"""Names that are compared with an unknown one; comparing one takes about 10 us."""

MAX_SUGGESTED: Final = 3
"""Names that an error suggests."""

_WILDCARD = re.compile(r"[*?]|\[[^]:]*\]")
_ADDRESS_GLOB = re.compile(r"\[([0-9a-f*?.]*:[0-9a-f:*?.]*)\]", re.IGNORECASE)
_PORT = re.compile(r":[0-9]{1,5}")
_PROTOCOL = re.compile(r"(?i)(tcp|udp|sctp):(?=.)")

Matches = Callable[[Iterable[str]], bool]
"""Returns whether one of these names is meant."""


class UnknownServerError(LdirectordError):
    """A name means no server of the configuration; the text has names that are like it."""


class ServerPattern:
    """A name of a command, read once: ``matches`` returns whether it means a server.

    ``10.0.0.1`` means all real servers of this address, ``:80`` those of this port, ``web*:80`` those of it whose name
    begins so, ``tcp:192.0.2.1:80/web1`` and ``fwm:1/*`` only those of these virtuals.
    """

    __slots__ = ("_real", "_virtual", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        virtual, slash, real = text.rpartition("/")
        self._virtual = _matcher(virtual) if slash else None
        self._real = _matcher(f"*{real}" if _PORT.fullmatch(real) else real)

    def matches(self, virtual: Virtual, real: Real) -> bool:
        """Return whether a real server of a virtual is meant."""
        return self.includes(virtual) and self._real(_real_names(real))

    def includes(self, virtual: Virtual) -> bool:
        """Return whether servers of a virtual may be meant."""
        return self._virtual is None or self._virtual(virtual_names(virtual))

    def matches_entry(self, entry: AdministrativeEntry) -> bool:
        """Return whether the server of an entry is meant, which the configuration may not have any more."""
        place = entry.virtual.partition(":")[2]
        of_virtual = self._virtual is None or self._virtual((entry.virtual, *_with_and_without_port(place)))
        return of_virtual and self._real(_entry_names(entry))


def find_virtuals(virtuals: Iterable[Virtual], text: str) -> tuple[Virtual, ...]:
    """Return the virtuals that a name means, which may be none: ``192.0.2.1:80`` means that of TCP and that of UDP."""
    matches = _matcher(text)
    return tuple(virtual for virtual in virtuals if matches(virtual_names(virtual)))


def unknown_server(virtuals: Iterable[Virtual], text: str) -> UnknownServerError:
    """Return the error for a name that means no server."""
    listed = tuple(virtuals)
    virtual, slash, real = text.rpartition("/")
    if not slash:
        if any(each.reals for each in find_virtuals(listed, text)):
            return UnknownServerError(f"{text} is a virtual; {text}/* means all its servers")
        return UnknownServerError(f"no real server {text}{_suggestion(text, _shown_reals(listed))}")
    named = find_virtuals(listed, virtual)
    if not named:
        return UnknownServerError(f"no virtual {virtual}{_suggestion(virtual, (each.id for each in listed))}")
    owner = named[0].id if len(named) == 1 else virtual
    return UnknownServerError(f"{owner} has no real server {real}{_suggestion(real, _shown_reals(named))}")


def virtual_names(virtual: Virtual) -> Iterator[str]:
    """Yield the names of a virtual: its id, its address with and without port or its mark, its ``servicename``."""
    yield virtual.id
    key = virtual.key
    if isinstance(key, FirewallMark):
        yield str(key.mark)
    else:
        yield key.endpoint
        yield bracketed(key.address)
    if virtual.servicename:
        yield canonical(virtual.servicename)


def _real_names(real: Real) -> Iterator[str]:
    yield from server_names(real)
    if isinstance(real.server, IPv6Address):
        yield str(real.server)


def _entry_names(entry: AdministrativeEntry) -> Iterator[str]:
    yield from _with_and_without_port(entry.real)
    yield entry.real.rpartition(":")[0].strip("[]")
    if entry.name is not None:
        host, _, port = canonical(entry.name).rpartition(":")
        for name in (host, host.partition(".")[0]):
            yield from _with_and_without_port(f"{name}:{port}")


def _with_and_without_port(text: str) -> Iterator[str]:
    """Yield ``text``, and without its port."""
    yield text
    yield text.rpartition(":")[0] or text


def _matcher(text: str) -> Matches:
    if _WILDCARD.search(text):
        globbed = _ADDRESS_GLOB.sub(r"[[]\1[]]", text)  # brackets of an address are no set of characters
        match = re.compile(translate(globbed.lower())).match
        return lambda names: any(match(name) for name in names)
    protocol = _PROTOCOL.match(text)
    prefix = protocol[0].lower() if protocol else ""
    wanted = prefix + canonical(text[len(prefix) :])
    return lambda names: wanted in names


def _shown_reals(virtuals: Iterable[Virtual]) -> Iterator[str]:
    return (name for virtual in virtuals for real in virtual.reals for name in (real.name, str(real)) if name)


def _suggestion(text: str, names: Iterable[str]) -> str:
    """Return the names that are like an unknown one, as the end of a sentence; or all names if they are few."""
    from difflib import get_close_matches  # noqa: PLC0415  only for errors

    known = list(dict.fromkeys(islice(names, MAX_COMPARED)))
    near = get_close_matches(text, known, MAX_SUGGESTED) or known[: MAX_SUGGESTED * (len(known) <= MAX_SUGGESTED)]
    return f"; did you mean {' or '.join(near)}?" if near else ""
