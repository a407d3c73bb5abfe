"""``expire``: whether a persistent client stays with a server that goes dark."""

from __future__ import annotations

import pytest

from harness.lab.client import get
from harness.lab.lab import VIP, Lab
from harness.lab.real_server import RealServer

WEB = f"TCP {VIP}:80"
WITHIN = 60.0
INTERVAL, TIMEOUT = 1, 2
DETECTION = INTERVAL + TIMEOUT + 0.5
"""Seconds after which a server that goes dark has no weight."""

SETTINGS = ("expire_nodest_conn", "expire_quiescent_template")


class StickySite:
    """Two servers of a persistent and quiescent virtual, and the one that the client of the lab was sent to."""

    def __init__(self, lab: Lab, expire: str) -> None:
        self.lab = lab
        servers = [lab.real("web1"), lab.real("web2")]
        reals = "".join(f"    real = {server.address}:80 masq\n" for server in servers)
        lab.director.configure(
            f"expire = {expire}\ncheckinterval = {INTERVAL}\nchecktimeout = {TIMEOUT}\n"
            f"virtual = {VIP}:80\n    checktype = connect\n    quiescent = yes\n    persistent = 600\n{reals}"
        )
        lab.director.start()
        lab.director.wait(WEB, {f"{server.address}:80": 1 for server in servers}, WITHIN)
        name = self.ask()
        self.chosen, self.other = sorted(servers, key=lambda server: server.name != name)
        assert self.chosen.name == name
        assert [self.ask() for _ in range(3)] == [name] * 3

    def ask(self) -> str:
        """Return which server answers the client, or how its request fails."""
        return get(self.lab.client, VIP)

    def darken(self, server: RealServer) -> None:
        """Let a server go dark, and return once the director has found out, in time."""
        server.drop_packets()
        weights = {f"{self.chosen.address}:80": 0, f"{self.other.address}:80": 1}
        self.lab.director.wait_in_time(WEB, weights, DETECTION)

    def settings(self) -> list[str]:
        """Return the values of both settings."""
        return self.lab.director.run("cat", *(f"/proc/sys/net/ipv4/vs/{name}" for name in SETTINGS)).split()


@pytest.mark.takes(20)
def test_F1_with_yes_another_server_serves_the_client_within_the_detection_time(lab: Lab) -> None:
    site = StickySite(lab, "yes")
    lab.director.wait_log("Set net.ipv4.vs.expire_quiescent_template=1, as expire=yes says", WITHIN)
    assert site.settings() == ["1", "1"]
    site.darken(site.chosen)
    assert [site.ask() for _ in range(3)] == [site.other.name] * 3


@pytest.mark.takes(25)
def test_with_no_the_client_stays_with_the_dark_server(lab: Lab) -> None:
    lab.director.run("ipvsadm", "-Ln")  # loads IPVS
    lab.director.sysctl(net__ipv4__vs__expire_nodest_conn=1, net__ipv4__vs__expire_quiescent_template=1)
    site = StickySite(lab, "no")
    lab.director.wait_log("Set net.ipv4.vs.expire_quiescent_template=0, as expire=no says", WITHIN)
    assert site.settings() == ["0", "0"]
    site.darken(site.chosen)
    assert [site.ask() for _ in range(2)] == ["timeout"] * 2
    site.chosen.restore_network()
    assert site.ask() == site.chosen.name
