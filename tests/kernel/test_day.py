"""All that happens to a director in a day, on a real kernel, with clients that send requests all the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.lab.client import Traffic
from harness.lab.lab import SPARE_VIPS, VIP, VIP6, Lab
from harness.lab.real_server import RealServer
from harness.machines.speed import lateness

INTERVAL, TIMEOUT = 2, 3
LATE = lateness(1.0)  # what the director may take on top of interval and timeout

WEB, WEB6, SHOP, MARK, NEW = f"TCP {VIP}:80", f"TCP [{VIP6}]:80", f"TCP {VIP}:8080", "FWM 7", f"TCP {SPARE_VIPS[0]}:80"
FOREIGN = f"TCP {SPARE_VIPS[9]}:80"

HEAD = f"""
checkinterval = {INTERVAL}
checktimeout = {TIMEOUT}
negotiatetimeout = {TIMEOUT}
quiescent = yes
"""

CHECK = """
    service = http
    request = "health"
    receive = "healthy"
"""


class Day:
    """The lab with its servers, and the configuration that a morning begins with."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.director = lab, lab.director
        self.web1, self.web2, self.web3 = (lab.real(name) for name in ("web1", "web2", "web3"))
        self.sorry = lab.real("sorry")

    @property
    def reals(self) -> tuple[RealServer, ...]:
        return self.web1, self.web2, self.web3

    def web(self, weights: tuple[int, ...] = (2, 1, 1)) -> str:
        return f"""
virtual = {VIP}:80
{self._reals(weights)}
    fallback = {self.sorry.address}:80 masq
    scheduler = wrr
{CHECK}"""

    def web6(self) -> str:
        reals = "\n".join(f"    real6 = [{real.addresses[1]}]:80 masq" for real in self.reals)
        return f"""
virtual6 = [{VIP6}]:80
{reals}
    scheduler = wlc
{CHECK}"""

    def shop(self, scheduler: str = "rr") -> str:
        return f"""
virtual = {VIP}:8080
{self._reals((1, 1, 1))}
    scheduler = {scheduler}
    checktype = connect
    persistent = 300
    netmask = 255.255.255.0
"""

    def mark(self) -> str:
        return f"""
virtual = 7
    real = {self.web1.address} gate 1
    real = {self.web2.address} ipip 3
    scheduler = sh
    schedflags = sh-fallback,sh-port
    service = http
    checkport = 80
    request = "health"
    receive = "healthy"
"""

    def new(self) -> str:
        return f"""
virtual = {SPARE_VIPS[0]}:80
    real = {self.web1.address}:80 masq
    scheduler = lc
{CHECK}"""

    def _reals(self, weights: tuple[int, ...]) -> str:
        servers = zip(self.reals, weights, strict=True)
        return "\n".join(f"    real = {real.address}:80 masq {weight}" for real, weight in servers)

    def saved(self) -> list[str]:
        """Return what ``ipvsadm -Sn`` prints when every server is up, the foreign service left out."""
        one, two, three = (str(real.address) for real in self.reals)
        return sorted(
            [
                f"-A -t {VIP}:80 -s wrr",
                f"-a -t {VIP}:80 -r {one}:80 -m -w 2",
                f"-a -t {VIP}:80 -r {two}:80 -m -w 1",
                f"-a -t {VIP}:80 -r {three}:80 -m -w 1",
                f"-A -t [{VIP6}]:80 -s wlc",
                *(f"-a -t [{VIP6}]:80 -r [{real.addresses[1]}]:80 -m -w 1" for real in self.reals),
                f"-A -t {VIP}:8080 -s rr -p 300 -M 255.255.255.0",
                *(f"-a -t {VIP}:8080 -r {real.address}:80 -m -w 1" for real in self.reals),
                "-A -f 7 -s sh -b sh-fallback,sh-port",
                f"-a -f 7 -r {one}:0 -g -w 1",
                f"-a -f 7 -r {two}:0 -i -w 3 --tun-type ipip",
            ]
        )

    def weights(self, *weights: int, fallback: bool = False) -> dict[str, int]:
        """Return the destinations of the web service with these weights."""
        rows = {f"{real.address}:80": weight for real, weight in zip(self.reals, weights, strict=True)}
        return rows | ({f"{self.sorry.address}:80": 1} if fallback else {})

    @contextmanager
    def undisturbed(self, traffic: Traffic) -> Iterator[None]:
        """Hold that meanwhile no server that is up changes its weight, and no request fails."""
        began = time.monotonic()
        with self.director.watch() as watch:
            yield
        for real, weight in zip(self.reals, (2, 1, 1), strict=True):
            assert watch.weights(WEB, f"{real.address}:80") == [weight]
        assert traffic.failures(since=began) == []


@pytest.mark.takes(40)
def test_a_day(lab: Lab) -> None:
    day = Day(lab)
    director = lab.director
    director.run("ipvsadm", "-A", "-t", FOREIGN.removeprefix("TCP "), "-s", "rr")
    director.run("ipvsadm", "-a", "-t", FOREIGN.removeprefix("TCP "), "-r", "192.0.2.1:80", "-m")
    foreign = director.saved()

    director.configure(HEAD + day.web() + day.web6() + day.shop() + day.mark())
    director.start()
    all_up = director.wait_in_time(WEB, day.weights(2, 1, 1), INTERVAL)
    for service, count in {WEB6: 3, SHOP: 3, MARK: 2}.items():
        _wait_up(lab, service, count)
    assert [line for line in director.saved() if line not in foreign] == day.saved()
    print(f"all servers in after {all_up:.2f} s")

    with lab.client.traffic(VIP) as traffic:
        _one_refuses(day, traffic)
        _all_dark(day, traffic)
        _reloads(day, traffic)
        _broken_file(day, traffic)
        _killed(day, traffic)
        assert set(traffic.counts()) == {"web1", "web2", "web3", "sorry"}

    took = director.stop()
    print(f"stopped in {took:.2f} s")
    assert took < 2 + LATE
    assert director.saved() == foreign


def _wait_up(lab: Lab, service: str, count: int) -> None:
    deadline = time.monotonic() + INTERVAL + LATE
    while sum(weight > 0 for weight in lab.director.weights().get(service, {}).values()) < count:
        assert time.monotonic() < deadline, lab.director.listing() + lab.director.log()
        time.sleep(0.05)


def _one_refuses(day: Day, traffic: Traffic) -> None:
    """A refusing server is out within the interval, and back; requests fail only until it is out."""
    day.web1.refuse_connections()
    took = day.director.wait_in_time(WEB, day.weights(0, 1, 1), INTERVAL)
    quiesced = time.monotonic()
    traffic.wait(10)
    assert traffic.failures(since=quiesced) == []
    day.web1.restore_network()
    back = day.director.wait_in_time(WEB, day.weights(2, 1, 1), INTERVAL)
    traffic.wait(10)
    assert traffic.failures(since=quiesced) == []
    print(f"a refusing server out after {took:.2f} s, back after {back:.2f} s")


def _all_dark(day: Day, traffic: Traffic) -> None:
    """Servers that all go dark at once are all out within interval and timeout, and the fallback serves."""
    for real in day.reals:
        real.drop_packets()
    took = day.director.wait_in_time(WEB, day.weights(0, 0, 0, fallback=True), INTERVAL + TIMEOUT)
    out = time.monotonic()
    traffic.wait(10)
    assert traffic.failures(since=out) == []
    assert set(traffic.counts(since=out)) == {"sorry"}
    for real in day.reals:
        real.restore_network()
    back = day.director.wait_in_time(WEB, day.weights(2, 1, 1), INTERVAL + TIMEOUT)
    restored = time.monotonic()
    traffic.wait(10)
    assert traffic.failures(since=out) == []
    assert "sorry" not in traffic.counts(since=restored)
    print(f"all dark: out after {took:.2f} s; back after {back:.2f} s")


def _reloads(day: Day, traffic: Traffic) -> None:
    """A reload adds, removes and changes virtuals; a healthy server does not notice."""
    director = day.director
    with day.undisturbed(traffic):
        director.configure(HEAD + day.new() + day.web() + day.web6() + day.shop("wlc"))
        director.reload()
        director.wait_in_time(NEW, {f"{day.web1.address}:80": 1}, INTERVAL)
        assert MARK not in director.weights()
        assert f"-A -t {VIP}:8080 -s wlc -p 300 -M 255.255.255.0" in director.saved()
        traffic.wait(10)


def _broken_file(day: Day, traffic: Traffic) -> None:
    """A file with an error changes nothing, and checks go on."""
    director = day.director
    with day.undisturbed(traffic):
        director.configure(HEAD + day.web() + "    sheduler = rr\nvirtual = nonsense\n")
        director.reload()
        director.wait_log("Kept the old configuration", within=5)
        traffic.wait(10)
    director.wait_log(f"{director.config}:", within=5)
    day.web3.refuse_connections()
    director.wait_in_time(WEB, day.weights(2, 1, 0), INTERVAL)
    day.web3.restore_network()
    director.wait_in_time(WEB, day.weights(2, 1, 1), INTERVAL)
    director.configure(HEAD + day.new() + day.web() + day.web6() + day.shop("wlc"))


def _killed(day: Day, traffic: Traffic) -> None:
    """After kill -9 another director takes over what the kernel has."""
    with day.undisturbed(traffic):
        day.director.kill()
        traffic.wait(10)
        day.director.start()
        traffic.wait(10)
        time.sleep(INTERVAL)


@pytest.mark.parametrize("quiescent", ["yes", "no"])
def test_F24_a_hundred_servers_are_added_within_an_interval(lab: Lab, quiescent: str) -> None:
    interval = 5
    farm = lab.farm(100)
    servers = [address for address in farm.addresses if address.version == 4]
    reals = "\n".join(f"    real = {address}:80 masq" for address in servers)
    lab.director.configure(
        f"checkinterval = {interval}\nquiescent = {quiescent}\nvirtual = {VIP}:80\n{reals}\n    scheduler = rr\n{CHECK}"
    )
    ready = lab.director.start()
    took = lab.director.wait_in_time(WEB, {f"{address}:80": 1 for address in servers}, interval)
    print(f"ready after {ready:.2f} s, 100 servers in {took:.2f} s later")


def test_F2_half_of_a_farm_goes_dark_and_is_out_in_time_and_the_other_half_is_untouched(lab: Lab) -> None:
    farm = lab.farm(40)
    servers = [address for address in farm.addresses if address.version == 4]
    dark, lit = servers[::2], servers[1::2]
    reals = "\n".join(f"    real = {address}:80 masq" for address in servers)
    lab.director.configure(f"{HEAD}virtual = {VIP}:80\n{reals}\n    scheduler = rr\n{CHECK}")
    lab.director.start()
    lab.director.wait_in_time(WEB, {f"{address}:80": 1 for address in servers}, INTERVAL)
    with lab.director.watch() as watch:
        farm.drop_packets(*dark)
        expected = {f"{address}:80": int(address in lit) for address in servers}
        took = lab.director.wait_in_time(WEB, expected, INTERVAL + TIMEOUT)
    assert {tuple(watch.weights(WEB, f"{address}:80")) for address in lit} == {(1,)}
    print(f"20 of 40 servers dark: out after {took:.2f} s")
