"""Settings of this host's kernel that the forwarding methods and IPVS depend on."""

from __future__ import annotations

from collections.abc import Iterator

from ldirectord_py.config.model import Config, Expire, Forward
from ldirectord_py.doctor.facts import Area, HostFacts, RouteKind, link_sysctl
from ldirectord_py.doctor.finding import Finding, Gravity, Unseen, forwarded, set_sysctl
from ldirectord_py.ipvs.settings import EXPIRE_NODEST, EXPIRE_TEMPLATE, EXPIRY
from ldirectord_py.ipvs.table import Protocol


def look_at_forwarding(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find masq servers whose answers this host does not forward to the clients."""
    off: dict[str, list[str]] = {}
    for each in forwarded(config, Forward.MASQ):
        route = facts.route(each.server.server)
        if route.kind is not RouteKind.LOCAL and not each.server.server.is_unspecified:
            switch = _switch_off(facts, route.link, ipv6=each.server.server.version == 6)
            if switch:
                off.setdefault(switch, []).append(each.name)
    for switch, names in off.items():
        what = f"masq needs this host to forward packets, and {switch} is 0: no answer reaches a client"
        yield Finding("forwarding-off", Gravity.ERROR, tuple(names), what, set_sysctl(switch, 1))


def _switch_off(facts: HostFacts, link: str, *, ipv6: bool) -> str:
    """Return the sysctl that keeps packets from being forwarded that arrive on a link, "" for none."""
    everywhere = "net.ipv6.conf.all.forwarding" if ipv6 else "net.ipv4.ip_forward"
    one = link_sysctl(link, "forwarding", "ipv6" if ipv6 else "ipv4")
    return next((name for name in (everywhere, one) if facts.number(name) == 0), "")


def look_at_ipvs_settings(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find settings of IPVS that send connections to servers that are down, with what ``expire`` makes of them."""
    removing = tuple(each.id for each in config.virtuals if not each.quiescent and each.protocol is not Protocol.SCTP)
    nodest, template = (_under(config.settings.expire, facts.number(name)) for name in EXPIRY)
    if (removing and nodest is None) or (_sticky(config) and template is None):
        yield Unseen(Area.SETTINGS)
    if removing and nodest == 0:
        what = "connections of a server that was removed hang until they time out"
        yield Finding("expire-nodest-conn", Gravity.HINT, removing, what, _set_expiry(EXPIRE_NODEST))
    if template == 0:
        yield from look_at_persistence(config, facts)


def look_at_persistence(config: Config, facts: HostFacts) -> Iterator[Finding]:
    """Find quiescent virtuals whose persistent clients stay with a server that is down; an unknown setting is 0."""
    sticky = _sticky(config)
    if sticky and not _under(config.settings.expire, facts.number(EXPIRE_TEMPLATE)):
        what = "persistent and quiescent: known clients are sent to a server that is down, as long as they persist"
        remedy = _set_expiry(EXPIRE_TEMPLATE)
        yield Finding("expire-quiescent-template", Gravity.WARNING, sticky, what, remedy)


def _sticky(config: Config) -> tuple[str, ...]:
    return tuple(each.id for each in config.virtuals if each.quiescent and each.persistent is not None)


def _under(expire: Expire, now: int | None) -> int | None:
    """Return what a setting is once a daemon runs with ``expire``."""
    return now if expire is Expire.LEAVE else int(expire is Expire.YES)


def _set_expiry(name: str) -> str:
    return f"write expire=yes, or {set_sysctl(name, 1)} without expire"


def look_at_source_nat(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find NAT rules of the firewall that do not see the connections of masq servers."""
    masq = tuple(dict.fromkeys(each.virtual.id for each in forwarded(config, Forward.MASQ)))
    tracked = facts.number("net.ipv4.vs.conntrack")
    if not masq or tracked:
        return
    if tracked is None:
        yield Unseen(Area.SETTINGS)
    elif Area.FIREWALL in facts.unseen:
        yield Unseen(Area.FIREWALL)
    elif facts.firewall.source_nat:
        what = "the firewall has rules for SNAT, which do not apply to connections of masq while vs.conntrack is 0"
        remedy = f"if they should apply: {set_sysctl('net.ipv4.vs.conntrack', 1)}"
        yield Finding("source-nat-skipped", Gravity.HINT, masq, what, remedy)
