"""A host on which nothing stands in the way, for the tests of the doctor: each test breaks one thing."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from ldirectord_py.config.model import Config
from ldirectord_py.doctor.facts import HostFacts, HostLink, HostRoute, IpvsState, KernelModules, RouteKind
from ldirectord_py.doctor.finding import Finding, Look, Unseen

LOCAL = HostRoute(RouteKind.LOCAL, "lo")
ON_LINK = HostRoute(RouteKind.UNICAST, "eth1")
SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv4.vs.expire_nodest_conn": "1",
    "net.ipv4.vs.expire_quiescent_template": "1",
    "net.ipv4.vs.conntrack": "1",
    "net.ipv4.ip_local_port_range": "32768\t60999",
    "net.netfilter.nf_conntrack_max": "262144",
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait": "120",
}
SOUND = HostFacts(
    routes={
        ip_address("192.0.2.1"): LOCAL,
        ip_address("2001:db8::1"): LOCAL,
        ip_address("127.0.0.1"): LOCAL,
        ip_address("10.0.0.1"): ON_LINK,
        ip_address("10.0.0.2"): ON_LINK,
        ip_address("fd00::2"): ON_LINK,
    },
    links={
        "lo": HostLink("lo", 65536, addresses=frozenset({ip_address("127.0.0.1")})),
        "eth0": HostLink("eth0", addresses=frozenset({ip_address("192.0.2.1"), ip_address("2001:db8::1")})),
        "eth1": HostLink("eth1", addresses=frozenset({ip_address("10.0.0.254")})),
    },
    default_links=frozenset({"eth0"}),
    sysctls=SYSCTLS,
    modules=KernelModules(frozenset({"ip_vs"}), frozenset({"ip_vs_wrr", "ip_vs_sh", "ip_vs_pe_sip"})),
    ipvs=IpvsState(True, "", 4096, 10),
)


def sound(**changes: Any) -> HostFacts:
    """Return the sound host with other facts; sysctls, routes and links are added."""
    for name in ("sysctls", "routes", "links"):
        if name in changes:
            changes[name] = {**getattr(SOUND, name), **changes[name]}
    return replace(SOUND, **changes)


def codes(look: Look, config: Config, facts: HostFacts) -> list[str]:
    """Return the codes of the findings, and ``?AREA`` for what could not be looked at."""
    return [f"?{each.area.name}" if isinstance(each, Unseen) else each.code for each in look(config, facts)]


def only(look: Look, config: Config, facts: HostFacts) -> Finding:
    """Return the one finding."""
    (found,) = look(config, facts)
    assert isinstance(found, Finding)
    return found
