"""Packets reach the servers."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from builders import config, fallback, real, virtual
from harness.sound_host import LOCAL, SOUND, codes, only, sound
from ldirectord_py.config.model import Config, Forward
from ldirectord_py.doctor.facts import UNREACHABLE, Area, HostLink, HostRoute, RouteKind
from ldirectord_py.doctor.servers import look_at_local_servers, look_at_routes, look_at_tunnels
from ldirectord_py.ipvs.table import Protocol

SERVER = ip_address("10.0.0.1")
BEHIND = HostRoute(RouteKind.UNICAST, "eth1", "10.0.0.250")


def web(forward: Forward, server: str = "10.0.0.1:80") -> Config:
    return config(virtual("192.0.2.1:80", real(server, forward)))


@pytest.mark.parametrize("forward", list(Forward))
def test_a_server_on_a_link_is_reached(forward: Forward) -> None:
    assert codes(look_at_routes, web(forward), SOUND) == []


@pytest.mark.parametrize(
    ("forward", "expected"), [(Forward.GATE, ["gate-behind-gateway"]), (Forward.MASQ, []), (Forward.IPIP, [])]
)
def test_only_gate_needs_a_link(forward: Forward, expected: list[str]) -> None:
    assert codes(look_at_routes, web(forward), sound(routes={SERVER: BEHIND})) == expected


def test_servers_behind_one_gateway_are_one_finding() -> None:
    both = config(virtual("192.0.2.1:80", *(real(f"10.0.0.{last}:80", Forward.GATE) for last in (1, 2))))
    found = only(look_at_routes, both, sound(routes={SERVER: BEHIND, ip_address("10.0.0.2"): BEHIND}))
    assert found.about == ("tcp:192.0.2.1:80/10.0.0.1:80", "tcp:192.0.2.1:80/10.0.0.2:80")
    assert "10.0.0.250 on eth1" in found.what


def test_no_route_at_all() -> None:
    assert codes(look_at_routes, web(Forward.MASQ), sound(routes={SERVER: UNREACHABLE})) == ["no-route"]
    assert codes(look_at_routes, web(Forward.MASQ, "0.0.0.0:80"), SOUND) == []  # its name has no address now
    assert codes(look_at_routes, web(Forward.MASQ), sound(unseen={Area.ROUTES: "no"})) == ["?ROUTES"]


@pytest.mark.parametrize(
    ("route", "mtu", "client", "found"),
    [
        (HostRoute(RouteKind.UNICAST, "eth1"), 1500, 1500, True),
        (HostRoute(RouteKind.UNICAST, "eth1"), 1520, 1500, False),
        (HostRoute(RouteKind.UNICAST, "eth1"), 1500, 1480, False),
        (HostRoute(RouteKind.UNICAST, "eth1", mtu=1400), 1520, 1500, True),
        (LOCAL, 1500, 1500, False),
    ],
)
def test_packets_in_a_tunnel(route: HostRoute, mtu: int, client: int, found: bool) -> None:
    links = {
        "eth0": HostLink("eth0", client, addresses=frozenset({ip_address("192.0.2.1")})),
        "eth1": HostLink("eth1", mtu),
    }
    facts = sound(routes={SERVER: route}, links=links)
    assert codes(look_at_tunnels, web(Forward.IPIP), facts) == ["tunnel-mtu"] * found
    assert codes(look_at_tunnels, web(Forward.GATE), facts) == []


def test_a_tunnel_over_ipv6_and_clients_of_a_mark() -> None:
    mark = config(virtual(7, real("[fd00::2]:80", Forward.IPIP)))
    assert "over 1460 bytes" in only(look_at_tunnels, mark, SOUND).what
    assert "mtu 1540" in only(look_at_tunnels, mark, SOUND).remedy


def test_a_server_of_this_host_with_a_program_that_listens() -> None:
    own = config(virtual("192.0.2.1:80", fallback=fallback("127.0.0.1:80", Forward.GATE)))
    assert codes(look_at_local_servers, own, SOUND) == ["local-not-listening"]
    for place in ("", "192.0.2.1"):
        assert codes(look_at_local_servers, own, sound(listening=frozenset({("tcp", place, 80)}))) == []
    for other in (("udp", "", 80), ("tcp", "", 81), ("tcp", "127.0.0.1", 80)):
        assert codes(look_at_local_servers, own, sound(listening=frozenset({other}))) == ["local-not-listening"]


def test_masq_to_this_host() -> None:
    facts = sound(routes={ip_address("10.0.0.254"): LOCAL}, listening=frozenset({("tcp", "10.0.0.254", 8080)}))
    assert codes(look_at_local_servers, web(Forward.MASQ, "10.0.0.254:8080"), facts) == []
    assert codes(look_at_local_servers, web(Forward.MASQ, "10.0.0.254:80"), facts) == ["local-not-listening"]


@pytest.mark.parametrize(("port", "remedy"), [(80, "forward by gate"), (8080, "write another address")])
def test_masq_to_loopback_is_dropped(port: int, remedy: str) -> None:
    found = only(look_at_local_servers, web(Forward.MASQ, f"127.0.0.1:{port}"), SOUND)
    assert found.code == "masq-to-loopback"
    assert found.remedy.startswith(remedy)


def test_gate_to_another_port_of_this_host() -> None:
    found = only(look_at_local_servers, web(Forward.GATE, "127.0.0.1:8080"), SOUND)
    assert found.code == "local-port"
    assert "port 80, not 8080" in found.what


def test_what_cannot_be_told_of_sockets() -> None:
    facts = sound(unseen={Area.SOCKETS: "no"})
    assert codes(look_at_local_servers, web(Forward.GATE, "127.0.0.1:80"), facts) == ["?SOCKETS"]
    assert codes(look_at_local_servers, web(Forward.GATE), facts) == []
    mark = config(virtual(7, real("127.0.0.1:80", Forward.GATE)))
    sctp = config(virtual("192.0.2.1:80", real("127.0.0.1:80", Forward.GATE), protocol=Protocol.SCTP))
    assert codes(look_at_local_servers, sctp, SOUND) == []
    assert codes(look_at_local_servers, mark, SOUND) == []
