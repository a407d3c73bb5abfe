"""A director, a client and real servers in network namespaces, joined by one bridge.

::

    with Lab(tmp_path) as lab:
        web1, web2 = lab.real("web1"), lab.real("web2")
        lab.director.configure(f"virtual = {VIP}:80 ...")
        lab.director.start()
        lab.director.wait(f"TCP {VIP}:80", {f"{web1.address}:80": 1, f"{web2.address}:80": 1}, within=5)
        with lab.client.traffic(VIP) as traffic:
            web1.stop()
            ...
            assert [] == traffic.failures(since=detected)

The bridge is in the director's namespace. The client (10.9.0.2) and the real servers (10.9.1.0/24, farms in
10.10.0.0/16) use the director as their gateway, as ``masq`` requires; ``RealServer.accept_vip`` prepares a
server for ``gate``. IPv6 has the same numbers as IPv4.
"""

from __future__ import annotations

from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.lab.client import Client
from harness.lab.director import Director
from harness.lab.namespace import Namespace
from harness.lab.packet_filter import Address
from harness.lab.real_server import RealServer

VIP = "10.9.0.100"
VIP6 = "fd00:9::100"
CLIENT = "10.9.0.2"
SPARE_VIPS = tuple(f"10.9.0.{last}" for last in range(101, 120))
_FRONT, _FRONT6, _BACK, _BACK6 = "10.9.0.1", "fd00:9::1", "10.9.1.1", "fd00:9:1::1"
_MAC = "02:00:0a:09:00:01"
"""Of the bridge: without one it has the lowest of its ports, and nobody reaches it for seconds after that changed."""
_FARM, _FARM6 = IPv4Address("10.10.0.0"), IPv6Address("fd00:10::")


class Lab:
    """A client, a director, and the real servers that ``real`` and ``farm`` add; all end with the block.

    ``director.start()`` starts the daemon; without it only a test changes the table, with ``ipvsadm``.
    """

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self._hosts = 10
        self._farmed = 0
        self._folder = folder
        self.director = Director("director", folder)
        self.client = Client("client", folder)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.director)
            stack.enter_context(self.client)
            self._lay_bridge()
            self._join(self.client, (CLIENT, "fd00:9::2"), (_FRONT, _FRONT6))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def real(self, name: str) -> RealServer:
        """Return a started real server with an address of each family, in a namespace of its own."""
        addresses = self._next_addresses()
        return self._add(RealServer(name, self._folder, [ip_address(address) for address in addresses]), addresses)

    def farm(self, size: int, name: str = "farm") -> RealServer:
        """Return ``size`` started real servers that share one namespace and one nginx, IPv4 first, then IPv6."""
        numbers = range(self._farmed + 1, self._farmed + size + 1)
        self._farmed += size
        addresses: list[Address] = [_FARM + number for number in numbers]
        addresses += [_FARM6 + number for number in numbers]
        own = self._next_addresses()
        real = self._add(RealServer(name, self._folder, addresses), own)
        self._route(real, own)
        return real

    def standby(self) -> Director:
        """Return a second director, beside the real servers; it forwards to those behind ``gate``.

        It has no virtual address yet.
        """
        addresses = self._next_addresses()
        standby = self._stack.enter_context(Director("standby", self._folder))
        self._join(standby, addresses, (_BACK, _BACK6))
        standby.sysctl(net__ipv4__ip_forward=1, net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__eth0__rp_filter=0)
        return standby

    def _add(self, real: RealServer, addresses: tuple[str, str]) -> RealServer:
        self._stack.enter_context(real)
        self._join(real, addresses, (_BACK, _BACK6))
        real.start()
        return real

    def _next_addresses(self) -> tuple[str, str]:
        self._hosts += 1
        return f"10.9.1.{self._hosts}", f"fd00:9:1::{self._hosts}"

    def _lay_bridge(self) -> None:
        vips = [f"address add {vip}/32 dev lan" for vip in (VIP, *SPARE_VIPS)]
        own = [f"address add {a}/24 dev lan" for a in (_FRONT, _BACK)]
        own6 = [f"address add {a}/64 dev lan nodad" for a in (_FRONT6, _BACK6)]
        own6 += [f"address add {VIP6}/128 dev lan nodad"]
        self.director.ip(f"link add lan address {_MAC} type bridge", "link set lan up", *own, *own6, *vips)
        self.director.sysctl(
            net__ipv4__ip_forward=1,
            net__ipv6__conf__all__forwarding=1,
            net__ipv4__conf__all__send_redirects=0,
            net__ipv4__conf__lan__send_redirects=0,
            net__ipv4__conf__all__rp_filter=0,
        )

    def _join(self, host: Namespace, addresses: tuple[str, str], gateways: tuple[str, str]) -> None:
        self.director.ip(
            f"link add {host.name} type veth peer name eth0 netns {host.netns}", f"link set {host.name} master lan up"
        )
        host.ip(
            "link set eth0 up",
            f"address add {addresses[0]}/24 dev eth0",
            f"address add {addresses[1]}/64 dev eth0 nodad",
            f"route add default via {gateways[0]}",
            f"route add default via {gateways[1]}",
        )

        host.sysctl(net__ipv6__conf__eth0__accept_redirects=0)  # or answers to the client bypass the director

    def _route(self, farm: RealServer, own: tuple[str, str]) -> None:
        """Route every address of the farm to it."""
        via = {4: own[0], 6: own[1]}
        farm.ip(*(f"route add local {a} dev lo" for a in farm.addresses))
        self.director.ip(*(f"route add {a} via {via[a.version]}" for a in farm.addresses))
