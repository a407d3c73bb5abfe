"""Other programs that direct the same services, and names that do not resolve."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from ldirectord_py.config.model import Config
from ldirectord_py.doctor.facts import Area, HostFacts
from ldirectord_py.doctor.finding import Finding, Gravity, Unseen
from ldirectord_py.ipvs.table import FirewallMark, Protocol, ServiceKey, VirtualAddress

_HEADING: Final = re.compile(
    r"^[ \t]*virtual_server[ \t]+"
    r"(?:fwmark[ \t]+(?P<mark>\d+)|group[ \t]+(?P<group>\S+)|(?P<address>\S+)[ \t]+(?P<port>\d+))",
    re.MULTILINE,
)
_ELSEWHERE: Final = re.compile(r"^[ \t]*(?:include\b|virtual_server_group\b)", re.MULTILINE)


def keepalived_services(text: str) -> frozenset[ServiceKey] | None:
    """Return the services of a keepalived.conf; None if the text leaves some open (a group, an include)."""
    found: set[ServiceKey] = set()
    for heading in _HEADING.finditer(text):
        if heading["group"]:
            return None
        if heading["mark"]:
            found |= {FirewallMark(int(heading["mark"])), FirewallMark(int(heading["mark"]), ipv6=True)}
            continue
        try:
            address = ip_address(heading["address"])
        except ValueError:
            return None
        found |= {VirtualAddress(protocol, address, int(heading["port"])) for protocol in Protocol}
    return None if _ELSEWHERE.search(text) else frozenset(found)


def look_for_directors(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find other directors of services that this configuration has."""
    if Area.PROCESSES in facts.unseen:
        yield Unseen(Area.PROCESSES)
        return
    ours = {virtual.key: virtual.id for virtual in config.virtuals}
    for other in facts.directors:
        stop = f"stop one of the two: kill {other.pid}"
        if other.same_file:
            what = f"another {other.program} (pid {other.pid}) directs with this file"
            yield Finding("second-director", Gravity.ERROR, tuple(ours.values()), what, stop)
        elif other.services is None:
            what = (
                f"{other.program} (pid {other.pid}) runs with {other.file}, and which services it directs is not known"
            )
            yield Finding(
                "second-director-unknown", Gravity.HINT, (), what, f"compare with the services of {other.file}"
            )
        elif shared := tuple(name for key, name in ours.items() if key in other.services):
            what = f"{other.program} (pid {other.pid}) directs this too, with {other.file}: they undo each other"
            yield Finding("second-director", Gravity.ERROR, shared, what, f"remove it from one of the files, or {stop}")


def look_for_names(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find host names that do not resolve."""
    for virtual in config.virtuals:
        names = tuple(dict.fromkeys(str(getattr(each, "name", "") or "") for each in virtual.unresolved))
        if names:
            text = ", ".join(filter(None, names)) or "of a fallback"
            what = f"host names that do not resolve now ({text}): their servers are left out"
            remedy = f"getent hosts {names[0] or 'NAME'}; correct the name, /etc/hosts or /etc/resolv.conf"
            yield Finding("name-lost", Gravity.WARNING, (virtual.id,), what, remedy)
    for name in sorted(facts.lost_names):
        what = f"the mail server {name} does not resolve"
        yield Finding("smtp-name-lost", Gravity.WARNING, (), what, f"getent hosts {name}; correct smtp or the resolver")
