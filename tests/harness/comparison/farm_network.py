"""A director and a farm of real servers, joined by one cable: all that a scenario needs, built once for many.

The farm has A, B, C and the sorry server, on port 80 of one address of each family each.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from harness.comparison.fork_server import ForkServer
from harness.lab.director import Director
from harness.lab.packet_filter import Address
from harness.lab.real_server import RealServer

VIP: Final = "10.9.0.100"
VIPS: Final = (VIP, "10.9.0.101", "10.9.0.102")
VIP6: Final = "fd00:9::100"
SERVERS: Final = 4
READS: Final = 10
FOUR: Final = tuple(IPv4Address("10.10.0.0") + number for number in range(1, SERVERS + 1))
SIX: Final = tuple(IPv6Address("fd00:10::") + number for number in range(1, SERVERS + 1))

_building = threading.Lock()  # ip-netns(8) prepares /run/netns when it makes the first


class FarmNetwork:
    """A director's namespace and a farm's, which end with the block; ``original`` and ``ours`` fork the daemons."""

    def __init__(self, number: int, folder: Path, original: ForkServer, ours: ForkServer) -> None:
        self.original, self.ours = original, ours
        addresses: list[Address] = [*FOUR, *SIX]
        self.director = Director(f"director{number}", folder)
        self.farm = RealServer(f"farm{number}", folder, addresses)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack, _building:
            stack.enter_context(self.director)
            stack.enter_context(self.farm)
            self._lay_cable()
            self.farm.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def clear(self) -> None:
        """Empty the kernel's table and mend the servers."""
        self.ipvs("-C")
        self.farm.restore_network()
        (self.farm.folder / "sick").unlink(missing_ok=True)

    def ipvs(self, *arguments: str) -> None:
        """Change the kernel's table as somebody would by hand, with ipvsadm."""
        self.director.run("ipvsadm", *arguments)

    def table(self) -> tuple[str, ...]:
        """Return the kernel's table as ipvsadm saves it, sorted.

        A row may be missing or doubled in what it reads where services come and go meanwhile, in any namespace: then it
        reads again.
        """
        for _ in range(READS):
            lines = self.director.run("ipvsadm", "--save", "--numeric").splitlines()
            if len(lines) == self.director.rows():
                break
        return tuple(sorted(line.rstrip() for line in lines))

    def thresholds(self) -> tuple[str, ...]:
        """Return the thresholds of the servers, which ipvsadm does not save, sorted."""
        lines = self.director.run("ipvsadm", "--list", "--numeric", "--thresholds").splitlines()
        return tuple(sorted(line.rstrip() for line in lines if line.startswith("  ->")))

    def _lay_cable(self) -> None:
        self.director.ip(
            f"link add lan type veth peer name eth0 netns {self.farm.netns}",
            "link set lan up",
            "address add 10.9.1.1/24 dev lan",
            "address add fd00:9:1::1/64 dev lan nodad",
            *(f"address add {vip}/32 dev lo" for vip in VIPS),
            f"address add {VIP6}/128 dev lo nodad",
        )
        self.farm.ip(
            "link set eth0 up",
            "address add 10.9.1.2/24 dev eth0",
            "address add fd00:9:1::2/64 dev eth0 nodad",
            *(f"route add local {address} dev lo" for address in self.farm.addresses),
        )
        self.director.ip("route add 10.10.0.0/24 via 10.9.1.2", "route add fd00:10::/64 via fd00:9:1::2")
