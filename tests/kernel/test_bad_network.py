"""A bad network on a real kernel: packets that are lost, late or too long, and a director without its uplink."""

from __future__ import annotations

import time
from collections import Counter
from math import sqrt

import pytest

from harness.lab.lab import SPARE_VIPS, VIP, Lab
from harness.lab.namespace import eventually

WITHIN = 60.0
INTERVAL, TIMEOUT = 1, 2
WEB, SHOP = f"TCP {VIP}:80", f"TCP {SPARE_VIPS[0]}:80"

SERVERS, FALL = 24, 3
SHORT_TIMEOUT = 0.9
"""Seconds; the kernel sends a lost packet of a handshake again after one, so that most lost packets are failures."""
SAMPLE_SECONDS = 10.0


def at_most(expected: float) -> float:
    """Return what a number of rare events reaches once in millions of samples, when so many are expected."""
    return expected + 6 * sqrt(expected) + 3


def rows(*servers: object) -> str:
    return "".join(f"    real = {server}:80 masq\n" for server in servers)


class LossySite:
    """Servers behind a network that loses or delays what they send, each checked every second by connecting."""

    def __init__(self, lab: Lab) -> None:
        self.director = lab.director
        self.farm = lab.farm(SERVERS)
        self.results = lab.director.folder / "results"
        servers = [address for address in self.farm.addresses if address.version == 4]
        self._all_in = {f"{address}:80": 1 for address in servers}
        lab.director.configure(
            f"checkinterval = {INTERVAL}\nchecktimeout = {SHORT_TIMEOUT}\nfailurecount = {FALL}\n"
            f"virtual = {VIP}:80\n    checktype = connect\n    monitorfile = {self.results}\n{rows(*servers)}"
        )
        lab.director.start()
        lab.director.wait(WEB, self._all_in, WITHIN)

    def sample(self, *netem: str) -> tuple[Counter[str], int]:
        """Return how many checks passed and failed with such a network, and how many servers went out for it."""
        self.farm.impair(*netem)
        before = len(self._lines()), self._gone()
        time.sleep(SAMPLE_SECONDS)
        self._wait_for_checks(before[0] + SERVERS * 8)
        words = Counter("down" if " [down] " in line else "up" for line in self._lines()[before[0] :])
        return words, self._gone() - before[1]

    def heal(self) -> None:
        """Let the network lose and delay nothing again; wait for every server, and for the checks that began before."""
        self.farm.repair()
        self._wait_for_checks(len(self._lines()) + SERVERS * 3)
        self.director.wait(WEB, self._all_in, WITHIN)

    def _wait_for_checks(self, number: int) -> None:
        eventually(lambda: len(self._lines()) >= number, WITHIN, self.director.log)

    def _lines(self) -> list[str]:
        return self.results.read_text().splitlines()

    def _gone(self) -> int:
        return self.director.log().count("Deleted real server")


@pytest.mark.takes(50)
def test_F44_lost_and_late_packets_take_no_more_servers_out_than_chance_does(lab: Lab) -> None:
    site = LossySite(lab)
    for share in (0.05, 0.2):
        words, gone = site.sample("loss", f"{share:.0%}")
        checks = words.total()
        print(f"{words} and {gone} of {SERVERS} servers out with {share:.0%} of the packets lost")
        assert site.farm.lost_packets() > checks * share / 4  # the network is as bad as it should be
        assert words["down"] <= at_most(checks * share)
        assert gone <= at_most(checks * (1 - share) * share**FALL)
        site.heal()
    words, gone = site.sample("delay", "500ms")
    assert (words["down"], gone) == (0, 0)
    (virtual,) = lab.director.command("show", "--json").json()["virtuals"]
    assert min(real["observed"]["latency"] for real in virtual["reals"]) > 0.45


@pytest.mark.takes(20)
def test_F44_a_page_that_is_lost_for_its_size_is_a_failure_and_small_answers_are_none(lab: Lab) -> None:
    """A black hole: the network drops packets over 1,000 bytes, and says so to nobody."""
    web = lab.real("web")
    server = f"{web.address}:80"
    lab.director.ip("link set lan mtu 1400", "link set lan mtu 1500")  # or it takes the least of its ports
    lab.director.configure(
        f"checkinterval = {INTERVAL}\nchecktimeout = {TIMEOUT}\nnegotiatetimeout = {TIMEOUT}\n"
        f'virtual = {VIP}:80\n    service = http\n    request = "long"\n    receive = "long"\n{rows(web.address)}'
        f"virtual = {SPARE_VIPS[0]}:80\n    checktype = connect\n{rows(web.address)}"
    )
    lab.director.start()
    for service in (WEB, SHOP):
        lab.director.wait(service, {server: 1}, WITHIN)
    with lab.director.watch() as watch:
        lab.director.ip("link set web mtu 1000")
        lab.director.wait_in_time(WEB, {}, INTERVAL + TIMEOUT)
        lab.director.wait_log(f"is down: no answer within {TIMEOUT} s", WITHIN)
        lab.director.ip("link set web mtu 1500")
        lab.director.wait_in_time(WEB, {server: 1}, INTERVAL + TIMEOUT)
    assert watch.weights(SHOP, server) == [1]


@pytest.mark.takes(20)
def test_F10_without_its_uplink_a_director_takes_no_server_out(lab: Lab) -> None:
    servers = [lab.real(name) for name in ("web1", "web2")]
    addresses = [f"{server.address}:80" for server in servers]
    lab.director.configure(
        f"checkinterval = {INTERVAL}\nchecktimeout = {TIMEOUT}\nfailurecount = 2\n"
        f"virtual = {VIP}:80\n    checktype = connect\n{rows(*(server.address for server in servers))}"
    )
    lab.director.start()
    lab.director.wait(WEB, dict.fromkeys(addresses, 1), WITHIN)
    with lab.director.watch() as watch:
        lab.director.ip("link set lan down")
        lab.director.wait_log("says nothing, the fault is on this host", WITHIN)
        time.sleep(3 * INTERVAL + TIMEOUT)
        lab.director.ip("link set lan up")
        lab.director.wait_log("Checks judge again, a fault of this host is over", WITHIN)
        with lab.client.traffic(VIP) as traffic:
            traffic.wait(requests=20, within=WITHIN)
            assert set(traffic.counts()) == {server.name for server in servers}
    assert [watch.weights(WEB, address) for address in addresses] == [[1], [1]]
    assert lab.director.log().count("says nothing") == 1


@pytest.mark.takes(20)
def test_F10_when_no_server_can_be_reached_half_of_them_stay_in_and_it_is_said_once(lab: Lab) -> None:
    farm = lab.farm(6)
    addresses = [f"{address}:80" for address in farm.addresses if address.version == 4]
    lab.director.configure(
        f"checkinterval = {INTERVAL}\nchecktimeout = {TIMEOUT}\npanic = 50\n"
        f"virtual = {VIP}:80\n    checktype = connect\n{rows(*(address.removesuffix(':80') for address in addresses))}"
    )
    lab.director.start()
    lab.director.wait(WEB, dict.fromkeys(addresses, 1), WITHIN)
    with lab.director.watch() as watch:
        lab.director.ip("link set farm down")
        lab.director.wait_log("Panic: only", WITHIN)
        lab.director.wait_log("the fault may be this director's or its network's", WITHIN)
        time.sleep(3 * INTERVAL + TIMEOUT)
        lab.director.ip("link set farm up")
        lab.director.wait(WEB, dict.fromkeys(addresses, 1), WITHIN)
        lab.director.wait_log("pass again", WITHIN)
    # which of them are kept in may change while they come back one after the other
    assert min(len(table[WEB]) for _, table in watch.samples) == 3
    assert all(watch.weights(WEB, address) in ([1], [1, None, 1]) for address in addresses)
    assert [lab.director.log().count(text) for text in ("Panic: only", "the fault may be this director's")] == [1, 1]
