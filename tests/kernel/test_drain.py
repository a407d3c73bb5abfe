"""An operator drains a server with traffic for maintenance, over a crash and a reboot, and puts it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.lab.client import Traffic
from harness.lab.lab import VIP, Lab
from harness.lab.namespace import eventually
from harness.lab.real_server import RealServer

WEB = f"TCP {VIP}:80"
WITHIN = 60.0  # seconds; a processor that is emulated takes ten to start a daemon
HEAD = "checkinterval = 1\nchecktimeout = 3\n"


class Site:
    """Two web servers behind a director that runs."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.director = lab, lab.director
        self.servers = {real.name: real for real in (lab.real("web1"), lab.real("web2"))}
        self.configure(*self.servers.values())
        self.director.start()
        self.wait_weights(web1=3, web2=3)

    def run(self, *words: str) -> tuple[int, str]:
        """Return exit status and output of a command of an operator."""
        done = self.director.command(*words)
        return done.status, done.text

    def configure(self, *servers: RealServer, removed: int = 0) -> None:
        """Write a file with these servers, and with ``drainremoved``."""
        reals = "".join(f"    real = {real.address}:80 masq 3\n" for real in servers)
        self.director.configure(f"{HEAD}drainremoved = {removed}\nvirtual = {VIP}:80\n    checktype = connect\n{reals}")

    def reload(self, *servers: RealServer, removed: int = 0) -> None:
        """Put such a file in force."""
        self.configure(*servers, removed=removed)
        self.director.reload()

    def wait_weights(self, **weights: int) -> None:
        expected = {f"{self.servers[name].address}:80": weight for name, weight in weights.items()}
        self.director.wait(WEB, expected, WITHIN)

    @contextmanager
    def one_connection(self) -> Iterator[tuple[Traffic, RealServer, RealServer]]:
        """Send requests on one connection until the block ends; yield also its server, and the other one."""
        with self.lab.client.one_connection(VIP) as connection:
            connection.wait(requests=2, within=WITHIN)
            server = self.servers[next(iter(connection.counts()))]
            [other] = [each for each in self.servers.values() if each is not server]
            yield connection, server, other


@pytest.fixture
def site(lab: Lab) -> Site:
    return Site(lab)


@pytest.mark.takes(30)
def test_a_server_is_drained_for_maintenance_and_put_back(site: Site) -> None:
    with site.one_connection() as (connection, server, kept):
        drained = {server.name: 0, kept.name: 3}

        status, text = site.run("drain", str(server.address), "--why", "new kernel", "--wait", "2")
        assert status == 4, text
        assert f"tcp:{VIP}:80/{server.address}:80: ready -> drain by root: new kernel" in text
        assert "1 connection (1 active, 0 inactive, 0 persistent)" in text
        site.wait_weights(**drained)

        with site.director.watch() as watch, site.lab.client.traffic(VIP) as traffic:
            traffic.wait(requests=20, within=WITHIN)
            site.director.kill()
            site.director.start()
            site.director.wait_log("stays drained by root: new kernel", WITHIN)
            traffic.wait(requests=20, within=WITHIN)
            assert set(traffic.counts()) == {kept.name}
            assert traffic.failures() == []
        assert watch.weights(WEB, f"{server.address}:80") == [0]
        connection.wait(requests=2, within=WITHIN)
        assert connection.failures() == []

    status, text = site.run("drain", str(server.address), "--why", "new kernel", "--wait", str(int(WITHIN)))
    assert (status, text.splitlines()[-1]) == (0, "0 connections (0 active, 0 inactive, 0 persistent)")

    server.stop()
    site.director.wait_log(f"Real server {server.address}:80 (tcp:{VIP}:80) is down", WITHIN)
    site.wait_weights(**drained)
    site.director.stop()
    site.director.run("ipvsadm", "-C")
    server.start()
    with site.director.watch() as watch:
        site.director.start()
        site.wait_weights(**drained)
    assert watch.weights(WEB, f"{server.address}:80") == [None, 0]

    status, text = site.run("undrain", str(server.address), "--wait", str(int(WITHIN)))
    assert (status, text.splitlines()[-1]) == (0, "1 of 1 server with weight")
    site.wait_weights(web1=3, web2=3)
    with site.lab.client.traffic(VIP) as traffic:
        traffic.wait(requests=20, within=WITHIN)
        assert set(traffic.counts()) == set(site.servers)


@pytest.mark.takes(25)
def test_a_drained_server_that_leaves_the_file_keeps_its_connection(site: Site) -> None:
    with site.one_connection() as (connection, server, kept):
        assert site.run("drain", str(server.address))[0] == 0
        site.reload(kept)
        site.wait_weights(**{server.name: 0, kept.name: 3})
        connection.wait(requests=2, within=WITHIN)
        assert connection.failures() == []
    site.wait_weights(**{kept.name: 3})
    eventually(lambda: "Purged real server" in site.director.log(), WITHIN, site.director.log)


@pytest.mark.takes(40)
def test_F29_a_server_that_leaves_the_file_keeps_its_connection_until_it_is_back_or_that_ends(site: Site) -> None:
    with site.one_connection() as (connection, server, kept):
        address = f"{server.address}:80"

        with site.director.watch() as watch:
            site.reload(kept, removed=600)
            site.wait_weights(**{server.name: 0, kept.name: 3})
            connection.wait(requests=2, within=WITHIN)
            with site.lab.client.traffic(VIP) as traffic:
                traffic.wait(requests=20, within=WITHIN)
                assert set(traffic.counts()) == {kept.name}
            assert "being removed" in site.run("show")[1]
            site.reload(*site.servers.values(), removed=600)
            site.wait_weights(**{server.name: 3, kept.name: 3})
        assert watch.weights(WEB, address) == [3, 0, 3]

        site.reload(kept, removed=600)
        site.wait_weights(**{server.name: 0, kept.name: 3})
        site.director.kill()
        site.director.start()
        connection.wait(requests=2, within=WITHIN)
        site.wait_weights(**{server.name: 0, kept.name: 3})
        assert connection.failures() == []
    site.wait_weights(**{kept.name: 3})
    site.director.wait_log(f"Purged real server (run): {address}", WITHIN)
