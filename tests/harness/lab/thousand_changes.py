"""Two configurations of a director that differ in a thousand rows, and the tables of both.

Both have the same virtuals, as a start leaves alone the services that its file does not name. Most rows are in both
tables, with other values. They carry marks that a daemon leaves as they are, and that a row loses which is deleted and
added again: services a persistence engine, destinations a kind of tunnel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from contract.saved_table import parse
from harness.lab.lab import SPARE_VIPS, VIP
from ldirectord_py.ipvs.table import Table

HEAD: Final = "checkinterval = 2\nchecktimeout = 10\nnegotiatetimeout = 10\n"
WEB_VIPS: Final = (VIP, SPARE_VIPS[0])
VIRTUALS: Final = 20
"""Virtuals that are in both configurations, besides those of the web servers."""

KEPT, OWN = 20, 5
"""Servers of each of them: twice so many are in both, with one weight each; the others are in one only."""

ENGINE_MARK: Final = " --pe sip"
TUNNEL_MARK: Final = " --tun-type gue --tun-port 6080 --tun-nocsum"


class Side(NamedTuple):
    """What is different in one of the two: timeouts and weights of what both have, and the place of what is its own."""

    persistent: int
    weights: tuple[int, int]
    place: int


SIDES: Final = (Side(600, (1, 2), 0), Side(900, (2, 1), 1))


class _Servers(NamedTuple):
    """Servers of consecutive addresses and one weight."""

    first: int
    size: int
    weight: int
    mark: str


class _Farm(NamedTuple):
    """A virtual over UDP whose servers need no checks."""

    number: int
    side: Side
    servers: tuple[_Servers, ...]

    @property
    def port(self) -> int:
        """The port of the virtual and of its servers."""
        return 6000 + self.number

    def configuration(self) -> str:
        """Return the virtual."""
        reals = "".join(
            f"    real = {self._address(each.first)}->{self._address(each.first + each.size - 1)}:{self.port}"
            f" ipip {each.weight}\n"
            for each in self.servers
        )
        rest = f"    protocol = udp\n    scheduler = wlc\n    persistent = {self.side.persistent}\n    checktype = on\n"
        return f"virtual = {VIP}:{self.port}\n{reals}{rest}"

    def saved(self) -> Iterator[str]:
        """Yield the rows as ``ipvsadm --save`` prints them."""
        yield f"-A -u {VIP}:{self.port} -s wlc -p {self.side.persistent}{ENGINE_MARK}"
        for each in self.servers:
            for last in range(each.first, each.first + each.size):
                real = f"{self._address(last)}:{self.port}"
                yield f"-a -u {VIP}:{self.port} -r {real} -i -w {each.weight}{each.mark}"

    def _address(self, last: int) -> str:
        return f"10.77.{self.number}.{last}"


def _farms(side: Side) -> Iterator[_Farm]:
    first, second = side.weights
    own = _Servers(2 * KEPT + 1 + side.place * OWN, OWN, 1, "")
    kept = _Servers(1, KEPT, first, TUNNEL_MARK), _Servers(KEPT + 1, KEPT, second, TUNNEL_MARK)
    for number in range(1, VIRTUALS + 1):
        yield _Farm(number, side, (*kept, own))


def configuration(side: Side, webs: Mapping[str, str]) -> str:
    """Return the file; its first and its last virtual are those of ``webs``: an address each, and its only server."""
    first, last = (
        f"virtual = {vip}:80\n    real = {web}:80 masq {side.weights[0]}\n    scheduler = wrr\n"
        '    service = http\n    request = "health"\n    receive = "healthy"\n'
        for vip, web in webs.items()
    )
    return f"{HEAD}{first}{''.join(farm.configuration() for farm in _farms(side))}{last}"


def marked_table(side: Side, webs: Mapping[str, str]) -> Table:
    """Return the table that the file asks for while the web servers are up, with the marks."""
    lines = [line for farm in _farms(side) for line in farm.saved()]
    for vip, web in webs.items():
        lines.append(f"-A -t {vip}:80 -s wrr{ENGINE_MARK}")
        lines.append(f"-a -t {vip}:80 -r {web}:80 -m -w {side.weights[0]}")
    return parse("\n".join(lines))


def changes_done(before: Table, after: Table, found: Table) -> int:
    """Return how many rows are as ``after`` and were not ``before``; AssertionError if one is as neither."""
    odd = [key for key in {**before, **after, **found} if found.get(key) not in (before.get(key), after.get(key))]
    assert not odd, [(before.get(key), after.get(key), found.get(key)) for key in odd[:5]]
    return sum(found.get(key) != before.get(key) for key in {**before, **after})
