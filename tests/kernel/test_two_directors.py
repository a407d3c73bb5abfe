"""Two directors for one virtual address, which moves between them: each checks, writes its own table, and reports."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.lab.director import Director
from harness.lab.lab import CLIENT, VIP, Lab
from harness.lab.namespace import eventually

WITHIN = 60.0
INTERVAL, TIMEOUT = 1, 2
WEB = f"TCP {VIP}:80"


class Pair:
    """A director that has the virtual address, a standby, and two servers that answer the client directly."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.active, self.standby = lab.director, lab.standby()
        self.web1, self.web2 = lab.real("web1"), lab.real("web2")
        self.first, self.second = f"{self.web1.address}:80", f"{self.web2.address}:80"
        for web in (self.web1, self.web2):
            web.accept_vip(VIP, CLIENT)
        for director in self.both:
            director.configure(
                f"checkinterval = {INTERVAL}\nchecktimeout = {TIMEOUT}\nvirtual = {VIP}:80\n    scheduler = rr\n"
                f"    checktype = connect\n    real = {self.first} gate\n    real = {self.second} gate\n"
            )
            director.start()
        self.wait(self.first, self.second)

    @property
    def both(self) -> tuple[Director, Director]:
        return self.active, self.standby

    def wait(self, *servers: str) -> None:
        """Wait until both tables have just these servers."""
        for director in self.both:
            director.wait(WEB, dict.fromkeys(servers, 1), WITHIN)

    def move_address(self, *, to_standby: bool) -> None:
        """Move the virtual address, as keepalived or Pacemaker would, and let the client look for it anew."""
        verbs = ("delete", "add") if to_standby else ("add", "delete")
        self.active.ip(f"address {verbs[0]} {VIP}/32 dev lan")
        self.standby.ip(f"address {verbs[1]} {VIP}/32 dev eth0")
        self.lab.client.ip("neighbour flush dev eth0")

    def served(self) -> set[str]:
        """Return which servers answer the client now; none of its requests may fail."""
        with self.lab.client.traffic(VIP) as traffic:
            traffic.wait(requests=20, within=WITHIN)
            assert traffic.failures() == []
            return set(traffic.counts())


@pytest.fixture
def pair(lab: Lab) -> Pair:
    return Pair(lab)


def lines(director: Director, texts: Sequence[str]) -> list[int]:
    """Return how often the log has each of these texts."""
    log = director.log()
    return [log.count(text) for text in texts]


@pytest.mark.takes(40)
def test_F46_who_takes_the_address_over_knows_which_servers_are_up(pair: Pair) -> None:
    assert pair.served() == {"web1", "web2"}
    pair.web2.drop_packets()
    for director in pair.both:
        director.wait_in_time(WEB, {pair.first: 1}, INTERVAL + TIMEOUT)
    pair.move_address(to_standby=True)
    assert pair.served() == {"web1"}
    pair.web2.restore_network()
    pair.wait(pair.first, pair.second)
    pair.web1.drop_packets()
    pair.wait(pair.second)
    pair.move_address(to_standby=False)
    assert pair.served() == {"web2"}
    pair.web1.restore_network()
    pair.wait(pair.first, pair.second)
    assert pair.served() == {"web1", "web2"}


@pytest.mark.takes(30)
def test_F47_two_directors_with_the_address_each_keep_their_own_table_and_report(pair: Pair) -> None:
    pair.standby.ip(f"address add {VIP}/32 dev eth0")
    with pair.active.watch() as active, pair.standby.watch() as standby:
        pair.web2.stop()
        pair.wait(pair.first)
        pair.active.command("drain", str(pair.web1.address))
        pair.active.wait(WEB, {pair.first: 0}, WITHIN)
        pair.web2.start()
        pair.active.wait(WEB, {pair.first: 0, pair.second: 1}, WITHIN)
        pair.standby.wait(WEB, {pair.first: 1, pair.second: 1}, WITHIN)
    assert [watch.weights(WEB, pair.second) for watch in (active, standby)] == [[1, None, 1]] * 2
    assert [watch.weights(WEB, pair.first) for watch in (active, standby)] == [[1, 0], [1]]
    texts = (f"Real server {pair.second} (tcp:{VIP}:80) is down", f"Deleted real server: {pair.second}", "Somebody")
    for director in pair.both:
        director.wait_log(f"Added real server: {pair.second}", WITHIN)
        assert lines(director, texts) == [1, 1, 0]


@pytest.mark.takes(30)
def test_F48_synchronization_of_connections_comes_and_goes_without_a_write(pair: Pair) -> None:
    tables = [director.saved() for director in pair.both]
    roles = ((pair.active, "master", "lan"), (pair.standby, "backup", "eth0"))
    for _ in range(2):
        for director, role, link in roles:
            director.run("ipvsadm", "--start-daemon", role, "--mcast-interface", link, "--syncid", "7")
        with pair.lab.client.one_connection(VIP) as connection:
            connection.wait(requests=5, within=WITHIN)
            eventually(lambda: CLIENT in pair.standby.run("ipvsadm", "-Lnc"), WITHIN, pair.standby.listing)
            assert connection.failures() == []
        for director, role, _ in roles:
            director.run("ipvsadm", "--stop-daemon", role)
    for director in pair.both:
        assert director.command("plan").status == 0  # it would write nothing
    assert [director.saved() for director in pair.both] == tables
    for director in pair.both:
        assert lines(director, ("Added", "Deleted", "Changed", "Somebody")) == [3, 0, 0, 0]
