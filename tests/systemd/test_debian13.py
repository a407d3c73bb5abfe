"""The package on Debian 13, beside its Perl ldirectord that does not run: installed, started, reloaded, removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from packages.release import RELEASES
from systemd.package import NAME, apt, debian_beside_package, install
from systemd.site import OTHER_VIP, UNIT, WEB, WEB1, WEB2, Site, configuration, virtual

OTHER = f"TCP {OTHER_VIP}:80"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with debian_beside_package(RELEASES["13"]) as site:
        yield site


def test_it_starts_nothing_and_then_directs_until_it_is_removed(site: Site) -> None:
    site.configure(configuration(virtual(WEB1, WEB2)))
    result = install(site)
    assert result.status == 0, result.output
    assert [site.value(name) for name in ("ActiveState", "UnitFileState")] == ["inactive", "disabled"]

    assert site.guest.call("systemctl", "enable", "--now", UNIT).status == 0, site.evidence()
    site.wait(WEB, {WEB1: 1, WEB2: 1})
    assert [site.value(name) for name in ("Type", "SubState")] == ["notify", "running"]
    with site.traffic() as traffic, site.watch() as watch:
        site.configure(configuration(virtual(WEB1, WEB2), virtual(WEB1, vip=OTHER_VIP)))
        assert site.systemctl("reload") == (0, "")
        site.wait(OTHER, {WEB1: 1})
        traffic.wait(20)
    assert traffic.failures() == []
    assert [watch.weights(WEB, web) for web in (WEB1, WEB2)] == [[1], [1]]

    result = apt(site, "remove", NAME)
    assert result.status == 0, result.output
    assert site.value("ActiveState") == "inactive"
    assert site.guest.call("pgrep", "--full", "ldirectord").status == 1
    assert site.weights() == {WEB: {WEB1: 1, WEB2: 1}, OTHER: {WEB1: 1}}  # cleanstop = no
