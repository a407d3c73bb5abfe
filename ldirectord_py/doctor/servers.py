"""Whether packets reach the servers: routes, tunnels, and servers that are this host itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ldirectord_py.config.model import Config, Forward
from ldirectord_py.doctor.facts import Area, HostFacts, RouteKind
from ldirectord_py.doctor.finding import Finding, Forwarded, Gravity, Unseen, forwarded
from ldirectord_py.ipvs.table import Protocol, VirtualAddress

TUNNEL_BYTES: Final = {4: 20, 6: 40}
"""What ipip adds to a packet, by the version of the outer header."""
USUAL_MTU: Final = 1500
"""The largest packet of clients whose link is not known, in bytes."""


def look_at_routes(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find servers without a route, and gate servers that are not on a link of this host."""
    if Area.ROUTES in facts.unseen:
        yield Unseen(Area.ROUTES)
        return
    behind: dict[str, list[str]] = {}
    for each in _known(config):
        route = facts.route(each.server.server)
        if route.kind is RouteKind.UNREACHABLE:
            what = f"this host has no route to {each.server.server}"
            yield Finding(
                "no-route", Gravity.ERROR, (each.name,), what, "ip route add ADDRESS/BITS via GATEWAY dev LINK"
            )
        elif route.gateway and each.server.forward is Forward.GATE:
            behind.setdefault(f"{route.gateway} on {route.link}", []).append(each.name)
    for gateway, names in behind.items():
        what = f"behind the gateway {gateway}: gate needs a server on a link of this host"
        remedy = "forward by ipip or masq, or give this host an address in the network of the server"
        yield Finding("gate-behind-gateway", Gravity.ERROR, tuple(names), what, remedy)


def look_at_tunnels(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find ipip servers that packets of full size cannot reach in one piece."""
    small: dict[tuple[str, int, int, int], list[str]] = {}
    for each in _known(config, Forward.IPIP):
        route = facts.route(each.server.server)
        if route.kind is not RouteKind.UNICAST:
            continue
        mtu = route.mtu or (facts.links[route.link].mtu if route.link in facts.links else USUAL_MTU)
        room = mtu - TUNNEL_BYTES[each.server.server.version]
        wanted = _client_mtu(each, facts) + mtu - room
        if mtu < wanted:
            small.setdefault((route.link, mtu, wanted, room), []).append(each.name)
    for (link, mtu, wanted, room), names in small.items():
        what = f"packets of clients over {room} bytes do not fit into the tunnel on {link}, whose MTU is {mtu}"
        remedy = (
            f"ip link set {link} mtu {wanted}, if the network takes it; or advmss {room - 40} in routes of the servers"
        )
        yield Finding("tunnel-mtu", Gravity.HINT, tuple(names), what, remedy)


def _client_mtu(each: Forwarded, facts: HostFacts) -> int:
    """Return the size of the largest packet that a client can send to a virtual."""
    if not isinstance(each.virtual.key, VirtualAddress):
        return USUAL_MTU
    links = [facts.links[name] for name in facts.links_of(each.virtual.key.address) if name != "lo"]
    return min((link.mtu for link in links), default=USUAL_MTU)


def look_at_local_servers(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find servers that are this host itself and that packets do not reach as configured."""
    local = [each for each in _known(config) if facts.route(each.server.server).kind is RouteKind.LOCAL]
    if local and Area.SOCKETS in facts.unseen:
        yield Unseen(Area.SOCKETS)
    for each in local:
        server = each.server.server
        if each.server.forward is Forward.MASQ and server.is_loopback:
            what = f"{server} is this host, and the kernel drops what masq sends to a loopback address"
            yield Finding("masq-to-loopback", Gravity.ERROR, (each.name,), what, _loopback_remedy(each))
        elif each.port and each.server.port not in {0, each.port}:
            what = (
                f"{server} is this host: {each.server.forward} delivers to its port {each.port}, not {each.server.port}"
            )
            remedy = "forward by masq to an address of this host that is not 127.0.0.1"
            yield Finding("local-port", Gravity.WARNING, (each.name,), what, remedy)
        elif each.port and Area.SOCKETS not in facts.unseen and not _listens(each, facts):
            protocol = _protocol(each).name.lower()
            what = f"{server} is this host, and no program listens on its {protocol} port {each.port}"
            remedy = "start it, also for the address of the virtual; ss -ln shows the ports in use"
            yield Finding("local-not-listening", Gravity.WARNING, (each.name,), what, remedy)


def _loopback_remedy(each: Forwarded) -> str:
    if each.server.port in {0, getattr(each.virtual.key, "port", 0)}:
        return "forward by gate"
    return "write another address of this host, or forward by gate to the virtual's port"


def _protocol(each: Forwarded) -> Protocol:
    return each.virtual.protocol or Protocol.TCP


def _listens(each: Forwarded, facts: HostFacts) -> bool:
    """Return whether a socket takes the packets: masq sends to the server's address, gate to the virtual's."""
    if _protocol(each) is Protocol.SCTP or not isinstance(each.virtual.key, VirtualAddress):
        return True  # /proc/net has no table of these, and a firewall mark may be set for any protocol and port
    target = each.server.server if each.server.forward is Forward.MASQ else each.virtual.key.address
    name = _protocol(each).name.lower()
    return any((name, place, each.port) in facts.listening for place in ("", str(target)))


def _known(config: Config, *methods: Forward) -> Iterator[Forwarded]:
    """Yield the servers whose address is known."""
    return (each for each in forwarded(config, *methods) if not each.server.server.is_unspecified)
