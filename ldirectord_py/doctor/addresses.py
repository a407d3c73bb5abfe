"""Whether packets for the virtuals reach this host: addresses, firewall marks, ARP, reverse path filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ldirectord_py.address import Address
from ldirectord_py.config.model import Config, Forward
from ldirectord_py.doctor.facts import Area, HostFacts, RouteKind, link_sysctl
from ldirectord_py.doctor.finding import Finding, Gravity, Unseen, forwarded, set_sysctl
from ldirectord_py.ipvs.table import FirewallMark, VirtualAddress

STRICT: Final = 1
"""The value of rp_filter with which a packet must arrive on the link that leads back to its sender."""
SILENT: Final = 8
"""The value of arp_ignore with which no request is answered."""


def virtual_addresses(config: Config) -> Mapping[Address, tuple[str, ...]]:
    """Return the addresses of the virtuals, each with the names of its virtuals."""
    found: dict[Address, tuple[str, ...]] = {}
    for virtual in config.virtuals:
        if isinstance(virtual.key, VirtualAddress):
            found[virtual.key.address] = (*found.get(virtual.key.address, ()), virtual.id)
    return found


def look_for_addresses(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find the addresses of virtuals that this host does not have."""
    addresses = virtual_addresses(config)
    if addresses and Area.ROUTES in facts.unseen:
        yield Unseen(Area.ROUTES)
        return
    for address, names in addresses.items():
        route, links = facts.route(address), facts.links_of(address)
        if route.kind is RouteKind.LOCAL or address.is_unspecified:
            continue
        if links:
            what = f"{address} is on {links[0]}, which is down"
            yield Finding("address-link-down", Gravity.ERROR, names, what, f"ip link set {links[0]} up")
            continue
        link = route.link or min(facts.default_links, default="LINK")
        what = f"{address} is not an address of this host: no packet for it reaches IPVS"
        remedy = (
            f"ip address add {address}/{address.max_prefixlen} dev {link}; on a standby, its cluster manager does that"
        )
        yield Finding("address-missing", Gravity.ERROR, names, what, remedy)


def look_for_marks(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find the firewall marks that no rule sets."""
    marks = [(virtual.id, virtual.key) for virtual in config.virtuals if isinstance(virtual.key, FirewallMark)]
    if marks and Area.FIREWALL in facts.unseen:
        yield Unseen(Area.FIREWALL)
        return
    for name, key in marks:
        tool, rules = ("ip6tables", facts.firewall.marks6) if key.ipv6 else ("iptables", facts.firewall.marks)
        if key.mark not in rules and not facts.firewall.computed:
            what = f"no rule of the firewall sets the mark {key.mark}: no packet belongs to this virtual"
            command = f"{tool} -t mangle -A PREROUTING -d ADDRESS -p tcp --dport PORT -j MARK --set-mark {key.mark}"
            yield Finding("mark-not-set", Gravity.WARNING, (name,), what, command)


def look_at_arp(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find addresses of virtuals for which this host answers no ARP request, or that it gives away in its own."""
    for address, names in virtual_addresses(config).items():
        if address.version == 6 or Area.ROUTES in facts.unseen:
            continue
        on = facts.links_of(address)
        for link in sorted(facts.links):
            ignore = facts.of_link(link, "arp_ignore")
            reached = link in on or (on == ("lo",) and link in facts.default_links)
            if link == "lo" or not reached or not (ignore >= SILENT or (ignore and link not in on)):
                continue
            what = f"arp_ignore is {ignore} on {link}: this host answers no ARP request for {address}"
            remedy = f"move it: ip address add {address}/32 dev {link}; or {_lower('arp_ignore', link, facts)}"
            if link in on:
                remedy = _lower("arp_ignore", link, facts)
            yield Finding("arp-not-answered", Gravity.HINT, names, what, remedy)
            if on == ("lo",) and facts.of_link(link, "arp_announce") < 2:
                what = f"{address} is hidden on lo, but arp_announce below 2 lets requests of {link} name it as sender"
                yield Finding(
                    "arp-announced", Gravity.HINT, names, what, set_sysctl(link_sysctl(link, "arp_announce"), 2)
                )


def _lower(name: str, link: str, facts: HostFacts) -> str:
    """Return the commands that set to 0 what makes a sysctl of a link more than that."""
    places = (link_sysctl(each, name) for each in ("all", link))
    return "; ".join(set_sysctl(place, 0) for place in places if facts.number(place))


def look_at_client_paths(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find links on which a strict rp_filter drops the packets of clients that are not on the link itself."""
    affected: dict[str, list[str]] = {}
    for address, names in virtual_addresses(config).items():
        for link in facts.links_of(address) if address.version == 4 else ():
            elsewhere = facts.default_links and link not in facts.default_links
            if link != "lo" and elsewhere and facts.of_link(link, "rp_filter") == STRICT:
                affected.setdefault(link, []).extend(names)
    for link, virtuals in affected.items():
        way = ", ".join(sorted(facts.default_links))
        what = (
            f"rp_filter is strict on {link}: it drops packets of clients that are answered by the default route ({way})"
        )
        yield Finding("client-path-filtered", Gravity.WARNING, tuple(virtuals), what, _loose(link))


def look_at_return_paths(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find masq servers whose answers rp_filter drops, and tunnels of this host whose packets it drops."""
    masq = [each for each in forwarded(config, Forward.MASQ) if each.server.server.version == 4]
    if masq and Area.RETURN_PATHS in facts.unseen:
        yield Unseen(Area.RETURN_PATHS)
    for each in masq:
        route = facts.route(each.server.server)
        if route.kind is RouteKind.UNICAST and not facts.return_paths.get(each.server.server, True):
            what = f"the kernel drops packets from {each.server.server} on {route.link}: rp_filter is strict there"
            yield Finding("return-path-filtered", Gravity.ERROR, (each.name,), what, _loose(route.link))
    own = tuple(
        each.name
        for each in forwarded(config, Forward.IPIP)
        if facts.route(each.server.server).kind is RouteKind.LOCAL and not each.server.server.is_loopback
    )
    for link in facts.links.values() if own else ():
        if link.kind == "ipip" and link.up and facts.of_link(link.name, "rp_filter") == STRICT:
            what = f"rp_filter is strict on {link.name}: it drops what another director sends to this server by ipip"
            yield Finding("tunnel-filtered", Gravity.WARNING, own, what, _loose(link.name))


def _loose(link: str) -> str:
    return f"{set_sysctl(link_sysctl(link, 'rp_filter'), 2)}; 2 (loose) holds also while the value of all is 1"
