"""The package under Pacemaker, with ``ocf:heartbeat:ldirectord``, on the only node of a real corosync."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from systemd.cluster import Cluster
from systemd.disk import RELEASE
from systemd.package import NAME, debian_beside_package, install
from systemd.site import CONFIG, WEB, WEB1, WEB2, Site, configuration, virtual

BOTH = {WEB1: 1, WEB2: 1}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with debian_beside_package(RELEASE) as site:
        yield site


def director(site: Site) -> str:
    """Return the process id of the director, "" if none has one."""
    return site.guest.run("sh", "-c", "cat /run/ldirectord.ldirectord*.pid 2>/dev/null || true").strip()


def test_a_cluster_starts_watches_moves_and_stops_it(site: Site) -> None:
    result = install(site)
    assert result.status == 0, result.output
    site.configure(configuration(virtual(WEB1, WEB2), more=""))
    cluster = Cluster(site)
    site.wait(WEB, BOTH)
    assert cluster.monitor() == 0

    killed = director(site)
    with site.traffic() as traffic, site.watch() as watch:
        traffic.wait(10)
        site.guest.run("kill", "-KILL", killed)
        site.until(lambda: director(site) not in {"", killed}, cluster.state)
        cluster.settle("Started")
        traffic.wait(20)
    assert traffic.failures() == []
    assert [watch.weights(WEB, web) for web in BOTH] == [[1], [1]]
    print(f"{len(traffic.all())} requests while the cluster restarted a killed director")

    upgraded = site.guest.run("sh", f"/var/lib/dpkg/info/{NAME}.postinst", "configure", "0")
    assert f"the director with {CONFIG} is not restarted: the earlier version goes on" in upgraded

    cluster.stand_by(True)
    assert WEB not in site.weights()  # as cleanstop is unless a file sets it
    cluster.stand_by(False)
    site.wait(WEB, BOTH)
    cluster.disable()
    assert WEB not in site.weights()
    assert cluster.monitor() == 7
