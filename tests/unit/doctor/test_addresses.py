"""Packets for the virtuals reach this host."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from builders import config, real, virtual
from harness.sound_host import LOCAL, SOUND, codes, only, sound
from ldirectord_py.config.model import Forward
from ldirectord_py.doctor.addresses import (
    look_at_arp,
    look_at_client_paths,
    look_at_return_paths,
    look_for_addresses,
    look_for_marks,
)
from ldirectord_py.doctor.facts import Area, FirewallRules, HostLink, HostRoute, RouteKind, link_sysctl
from ldirectord_py.ipvs.table import FirewallMark

WEB = config(virtual("192.0.2.1:80", "10.0.0.1:80"))
ELSEWHERE = config(virtual("192.0.2.9:80"), virtual("192.0.2.9:443"))
VIP = ip_address("192.0.2.1")
ON_LO = {"lo": HostLink("lo", 65536, addresses=frozenset({VIP})), "eth0": HostLink("eth0")}


def test_a_sound_host_has_no_finding() -> None:
    for look in (look_for_addresses, look_for_marks, look_at_arp, look_at_client_paths, look_at_return_paths):
        assert codes(look, WEB, SOUND) == []


def test_a_missing_address_is_found_once_with_the_link_to_put_it_on() -> None:
    facts = sound(routes={ip_address("192.0.2.9"): HostRoute(RouteKind.UNICAST, "eth0")})
    found = only(look_for_addresses, ELSEWHERE, facts)
    assert found.about == ("tcp:192.0.2.9:80", "tcp:192.0.2.9:443")
    assert found.remedy.startswith("ip address add 192.0.2.9/32 dev eth0")


def test_without_a_route_the_default_link_is_proposed() -> None:
    assert "dev eth0" in only(look_for_addresses, ELSEWHERE, SOUND).remedy
    assert "dev LINK" in only(look_for_addresses, ELSEWHERE, sound(default_links=frozenset())).remedy
    six = config(virtual("[2001:db8::9]:80"))
    assert "2001:db8::9/128" in only(look_for_addresses, six, SOUND).remedy


def test_an_address_on_a_link_that_is_down() -> None:
    down = HostLink("eth2", up=False, addresses=frozenset({ip_address("192.0.2.9")}))
    found = only(look_for_addresses, ELSEWHERE, sound(links={"eth2": down}))
    assert (found.code, found.remedy) == ("address-link-down", "ip link set eth2 up")


def test_an_address_that_is_routed_here_without_being_on_a_link_is_here() -> None:
    assert codes(look_for_addresses, ELSEWHERE, sound(routes={ip_address("192.0.2.9"): LOCAL})) == []


def test_links_that_cannot_be_read_are_said_to_be_so() -> None:
    facts = sound(unseen={Area.ROUTES: "no"})
    assert codes(look_for_addresses, WEB, facts) == ["?ROUTES"]
    assert codes(look_for_addresses, config(virtual(7)), facts) == []
    assert codes(look_at_arp, WEB, facts) == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (FirewallRules(), ["mark-not-set", "mark-not-set"]),
        (FirewallRules(marks=frozenset({7})), ["mark-not-set"]),
        (FirewallRules(marks=frozenset({7}), marks6=frozenset({7})), []),
        (FirewallRules(computed=True), []),
    ],
)
def test_marks_of_each_family(rules: FirewallRules, expected: list[str]) -> None:
    six = virtual(7)
    both = config(virtual(7), type(six)(FirewallMark(7, ipv6=True)))
    assert codes(look_for_marks, both, sound(firewall=rules)) == expected


def test_rules_that_cannot_be_read() -> None:
    facts = sound(unseen={Area.FIREWALL: "only root sees it"})
    assert codes(look_for_marks, config(virtual(7)), facts) == ["?FIREWALL"]
    assert codes(look_for_marks, WEB, facts) == []


@pytest.mark.parametrize(
    ("links", "ignore", "announce", "expected"),
    [
        ({}, 0, 0, []),
        ({}, 1, 0, []),
        ({}, 8, 0, ["arp-not-answered"]),
        (ON_LO, 0, 0, []),
        (ON_LO, 1, 2, ["arp-not-answered"]),
        (ON_LO, 1, 0, ["arp-not-answered", "arp-announced"]),
    ],
)
def test_arp(links: dict[str, HostLink], ignore: int, announce: int, expected: list[str]) -> None:
    settings = {link_sysctl("all", "arp_ignore"): str(ignore), link_sysctl("eth0", "arp_announce"): str(announce)}
    assert codes(look_at_arp, WEB, sound(links=links, sysctls=settings)) == expected


def test_the_remedy_for_arp_resets_what_is_set() -> None:
    facts = sound(sysctls={link_sysctl("eth0", "arp_ignore"): "8", link_sysctl("all", "arp_ignore"): "0"})
    assert only(look_at_arp, WEB, facts).remedy == "sysctl -w net.ipv4.conf.eth0.arp_ignore=0"
    six = config(virtual("[2001:db8::1]:80"))
    assert codes(look_at_arp, six, facts) == []


@pytest.mark.parametrize(
    ("strict", "default", "found"),
    [("1", "eth1", True), ("2", "eth1", False), ("0", "eth1", False), ("1", "eth0", False), ("1", "", False)],
)
def test_clients_beyond_a_link_that_is_not_the_default(strict: str, default: str, found: bool) -> None:
    facts = sound(
        sysctls={link_sysctl("all", "rp_filter"): strict}, default_links=frozenset({default} if default else ())
    )
    assert codes(look_at_client_paths, WEB, facts) == ["client-path-filtered"] * found


def test_answers_that_rp_filter_drops() -> None:
    found = only(look_at_return_paths, WEB, sound(return_paths={ip_address("10.0.0.1"): False}))
    assert found.code == "return-path-filtered"
    assert found.remedy.startswith("sysctl -w net.ipv4.conf.eth1.rp_filter=2")
    assert codes(look_at_return_paths, WEB, sound(unseen={Area.RETURN_PATHS: "no"})) == ["?RETURN_PATHS"]


def test_a_tunnel_of_this_host_with_a_strict_filter() -> None:
    tunnel = HostLink("tunl0", 1480, kind="ipip")
    own = config(virtual("192.0.2.1:80", real("10.0.0.254:80", Forward.IPIP)))
    facts = sound(
        routes={ip_address("10.0.0.254"): LOCAL},
        links={"tunl0": tunnel},
        sysctls={link_sysctl("tunl0", "rp_filter"): "1"},
    )
    assert codes(look_at_return_paths, own, facts) == ["tunnel-filtered"]
    assert codes(look_at_return_paths, WEB, facts) == []


def test_a_dot_in_the_name_of_a_link() -> None:
    assert link_sysctl("eth0.5", "rp_filter") == "net.ipv4.conf.eth0/5.rp_filter"
