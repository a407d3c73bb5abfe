"""Faults of this host's network give no verdict; errors that the network reports about a server do. In namespaces.

::

    host 10.9.0.1 --- 10.9.0.2 router, whose ports are closed, and which has no way to 10.8.0.0/24
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.lab.namespace import Namespace, eventually
from harness.lab.probe_servers import Found, verdicts

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"), reason="makes network namespaces: needs root, ip and nft"
)

TCP = ("connect", "http", "smtp", "imaps", "ldap", "ftp", "sip", "dns", "simpletcp", "mysql", "pgsql", "oracle")
DATAGRAMS = ("dns/udp", "radius/udp", "sip/udp", "simpletcp/udp", "ping")
ALL = (*TCP, *DATAGRAMS)
ROUTER = ("10.9.0.2", "fd09::2")
BEYOND = ("10.8.0.1", "fd08::1")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[tuple[Namespace, Namespace]]:
    """The namespaces of this host and of a router beside it."""
    with ExitStack() as stack:
        host = stack.enter_context(Namespace("host", tmp_path))
        router = stack.enter_context(Namespace("router", tmp_path))
        for namespace in (host, router):
            namespace.sysctl(net__ipv6__conf__default__accept_dad=0)
        host.ip(f"link add near type veth peer name far netns {router.netns}")
        host.ip(*_up("near", 1), "route add 10.8.0.0/24 via 10.9.0.2", "route add fd08::/64 via fd09::2")
        router.ip(*_up("far", 2))
        router.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
        for version in ("ipv4", "ipv6"):  # a neighbour is given up after 0.3 s
            host.sysctl(**{f"net__{version}__neigh__near__retrans_time_ms": 100})
        eventually(
            lambda: not judged(verdicts(host, ("ping",), *ROUTER, seconds=0.3), "UP"),
            20,
            lambda: "the router is silent",
        )
        yield host, router


def _up(device: str, number: int) -> tuple[str, ...]:
    addresses = (f"address add 10.9.0.{number}/24 dev {device}", f"address add fd09::{number}/64 dev {device} nodad")
    return (*addresses, f"link set {device} up")


def firewall(namespace: Namespace, rule: str) -> None:
    """Let this rule hold for what the namespace sends to the router, neighbour discovery aside."""
    rules = f"ip daddr {ROUTER[0]} {rule}\n ip6 daddr {ROUTER[1]} meta l4proto != icmpv6 {rule}"
    chain = f"chain out {{\n type filter hook output priority 0\n {rules}\n }}"
    namespace.run("nft", "-f", "-", given=f"table inet own {{\n {chain}\n }}\n")


def judged(found: Found, verdict: str) -> Found:
    """Return what was judged otherwise."""
    return {key: value for key, value in found.items() if value[0] != verdict}


FAULTS = {
    "link down": ("link set near down",),
    "addresses removed": ("address flush dev near",),
    **{
        f"{kind} route": (f"route add {kind} {ROUTER[0]}/32", f"route add {kind} {ROUTER[1]}/128")
        for kind in ("unreachable", "blackhole", "prohibit")
    },
}


@pytest.mark.difference("A fault of the director's own host (no file descriptor, no memory)")
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_our_own_routing_are_no_verdict(network: tuple[Namespace, Namespace], fault: str) -> None:
    host, _ = network
    host.ip(*FAULTS[fault])
    assert judged(verdicts(host, ALL, *ROUTER), "NONE") == {}


@pytest.mark.parametrize("how", ["", " with icmpx type admin-prohibited", " with icmpx type no-route"])
def test_a_reject_rule_of_our_own_is_no_verdict(network: tuple[Namespace, Namespace], how: str) -> None:
    host, _ = network
    firewall(host, f"reject{how}")
    found = verdicts(host, TCP, *ROUTER) | verdicts(host, DATAGRAMS, ROUTER[0])
    assert judged(found, "NONE") == {}
    assert found["connect", ROUTER[0]][1].endswith(", rejected by a firewall rule of this host")
    assert judged(verdicts(host, DATAGRAMS[:-1], ROUTER[1]), "NONE") == {}  # the rule spares ICMPv6


def test_a_drop_rule_of_our_own_is_no_verdict_of_datagrams(network: tuple[Namespace, Namespace]) -> None:
    host, _ = network
    firewall(host, "drop")
    found = verdicts(host, DATAGRAMS, ROUTER[0])
    assert set(found.values()) == {("NONE", "connect not permitted by this host")}


@pytest.mark.parametrize("how", [" with icmpx type host-unreachable", " with tcp reset"])
def test_rules_whose_effect_looks_like_the_servers_are_down(network: tuple[Namespace, Namespace], how: str) -> None:
    """As docs/checks.md says."""
    host, _ = network
    firewall(host, f"meta l4proto tcp reject{how}")
    assert judged(verdicts(host, TCP, *ROUTER), "DOWN") == {}


def test_F4_a_refusal_is_down(network: tuple[Namespace, Namespace]) -> None:
    host, _ = network
    found = verdicts(host, (*TCP, *DATAGRAMS[:-1]), *ROUTER, "10.9.0.1", "fd09::1", "127.0.0.1", "::1")
    assert {key: value for key, value in found.items() if value[1].split(" (")[0] != "connect refused"} == {}
    assert judged(found, "DOWN") == {}


def test_F1_a_dead_neighbour_is_down(network: tuple[Namespace, Namespace]) -> None:
    host, _ = network
    found = verdicts(host, ALL, "10.9.0.77", "fd09::77", seconds=4)
    assert judged(found, "DOWN") == {}
    assert {found[kind, address][1] for kind in TCP for address in ("10.9.0.77", "fd09::77")} == {"no route to host"}


@pytest.mark.parametrize("kind", ["unreachable", "prohibit"])
def test_F11_what_a_router_says_of_a_server_is_down(network: tuple[Namespace, Namespace], kind: str) -> None:
    host, router = network
    router.ip(f"route add {kind} {BEYOND[0]}/32", f"route add {kind} {BEYOND[1]}/128")
    found = verdicts(host, ALL, *BEYOND)
    assert judged(found, "DOWN") == {}
    assert found["connect", BEYOND[0]] == ("DOWN", "no route to host")


def test_F38_no_local_port_left_is_no_verdict(network: tuple[Namespace, Namespace]) -> None:
    host, _ = network
    host.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40000")
    host.sysctl(net__ipv4__ip_local_reserved_ports=40000)
    assert judged(verdicts(host, TCP, *ROUTER), "NONE") == {}
