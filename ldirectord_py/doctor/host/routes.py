"""Links, addresses and routes of this network namespace, by pyroute2. It takes 0.2 s to import: only here."""

from __future__ import annotations

import errno
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from ldirectord_py.address import Address
from ldirectord_py.doctor.facts import UNREACHABLE, HostLink, HostRoute, RouteKind

ROUTES_TIMEOUT: Final = 60.0
"""Seconds for all routes; each takes about a millisecond."""
_LINK_UP: Final = 0x1
_KINDS: Final = {1: RouteKind.UNICAST, 2: RouteKind.LOCAL}


@dataclass(frozen=True, slots=True)
class Network:
    """What the kernel says of links, addresses and routes."""

    links: Mapping[str, HostLink] = field(default_factory=dict)
    routes: Mapping[Address, HostRoute] = field(default_factory=dict)
    default_links: frozenset[str] = frozenset()
    return_paths: Mapping[Address, bool] = field(default_factory=dict)


def read_network(addresses: Iterable[Address], answering: Iterable[Address]) -> Network:
    """Return the links, the routes to ``addresses``, and whether packets from those ``answering`` are accepted.

    Raises OSError; TimeoutError after ROUTES_TIMEOUT.
    """
    deadline = time.monotonic() + ROUTES_TIMEOUT
    try:
        with IPRoute() as kernel:
            names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in kernel.get_links()}
            links = _links(kernel, names)
            routes = {address: _route(kernel, address, names, deadline) for address in dict.fromkeys(addresses)}
            sending = {each: routes[each] for each in answering if routes[each].kind is RouteKind.UNICAST}
            returned = _return_paths(kernel, sending, links, names)
            return Network(links, routes, _default_links(kernel, names), returned)
    except NetlinkError as error:
        raise OSError(error.code, str(error)) from error


def _links(kernel: Any, names: Mapping[int, str]) -> Mapping[str, HostLink]:
    addresses: dict[int, set[Address]] = defaultdict(set)
    for message in kernel.get_addr():
        text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
        addresses[message["index"]].add(ip_address(text))
    return {
        names[link["index"]]: HostLink(
            names[link["index"]],
            link.get_attr("IFLA_MTU") or 0,
            bool(link["flags"] & _LINK_UP),
            link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or "",
            frozenset(addresses[link["index"]]),
        )
        for link in kernel.get_links()
        if link["index"] in names
    }


def _route(kernel: Any, address: Address, names: Mapping[int, str], deadline: float) -> HostRoute:
    if time.monotonic() > deadline:
        raise TimeoutError(errno.ETIMEDOUT, f"the routes were not read within {ROUTES_TIMEOUT:g} s")
    try:
        (message, *_) = kernel.route("get", dst=str(address))
    except NetlinkError:
        return UNREACHABLE
    kind = _KINDS.get(message["type"], RouteKind.UNREACHABLE)
    gateway = message.get_attr("RTA_GATEWAY") or (message.get_attr("RTA_VIA") or {}).get("addr", "")
    metrics = message.get_attr("RTA_METRICS")
    mtu = metrics.get_attr("RTAX_MTU") if metrics is not None else 0
    return HostRoute(kind, names.get(message.get_attr("RTA_OIF"), ""), str(gateway), mtu or 0)


def _default_links(kernel: Any, names: Mapping[int, str]) -> frozenset[str]:
    """Return the links of the default routes for IPv4."""
    found = {
        message.get_attr("RTA_OIF")
        for message in kernel.get_default_routes(family=2)
        if message.get_attr("RTA_OIF") is not None
    }
    return frozenset(names[index] for index in found if index in names)


def _return_paths(
    kernel: Any, routes: Mapping[Address, HostRoute], links: Mapping[str, HostLink], names: Mapping[int, str]
) -> Mapping[Address, bool]:
    """Return whether packets from these IPv4 addresses are accepted; one of those with equal paths is asked for."""
    indices = {name: index for index, name in names.items()}
    answers: dict[tuple[str, str, bytes], bool] = {}
    found: dict[Address, bool] = {}
    for address, route in routes.items():
        own = [each for each in links[route.link].addresses if each.version == 4] if route.link in links else []
        if address.version == 6 or not own:
            continue
        path = (route.link, route.gateway, address.packed[:3])
        if path not in answers:
            answers[path] = _is_accepted(kernel, address, min(own, key=int), indices[route.link])
        found[address] = answers[path]
    return found


def _is_accepted(kernel: Any, sender: Address, own: Address, link: int) -> bool:
    """Return whether rp_filter lets a packet from ``sender`` to ``own`` in; the kernel itself is asked."""
    try:
        kernel.route("get", dst=str(own), src=str(sender), iif=link)
    except NetlinkError as error:
        return bool(error.code != errno.EXDEV)
    return True
