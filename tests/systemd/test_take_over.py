"""The package over a Perl ldirectord that directs, with traffic: refused, installed, upgraded, removed, purged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from packages.builder import package
from systemd.disk import RELEASE
from systemd.package import NAME, apt, debian_beside_package, install, later_version
from systemd.site import OTHER_VIP, UNIT, WEB, WEB1, WEB2, WEB3, Site, configuration, virtual

OTHER_CONFIG = "/etc/ha.d/other.cf"
OTHER = f"TCP {OTHER_VIP}:80"
GOOD = configuration(virtual(WEB1, WEB2, WEB3), more="quiescent = yes\n")
"""A stop that is not prevented would remove the table: that is what ``cleanstop`` is unless a file sets it."""

DROP_INS = "/run/systemd/system/ldirectord.service.d"
TRACES = (
    *("/usr/lib/ldirectord-py", "/usr/bin/ldirectord-py", "/etc/default/ldirectord-py"),
    *("/var/lib/ldirectord-py", "/var/lib/ldirectord", DROP_INS),
)
"""What the package has or makes."""


class Process(NamedTuple):
    """A running director: its process id, and its program."""

    pid: str
    program: str


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The site with two directors of the original: in the unit, and in the background with another file."""
    with debian_beside_package(RELEASE) as site:
        site.configure(GOOD)
        site.configure(configuration(virtual(WEB1, WEB2, vip=OTHER_VIP), more=""), OTHER_CONFIG)
        site.sicken(WEB3)
        site.guest.run("systemctl", "--quiet", "enable", UNIT)
        site.guest.run("/etc/init.d/ldirectord", "start")
        site.guest.run("ldirectord", "other.cf", "start")
        site.wait(WEB, {WEB1: 1, WEB2: 1, WEB3: 0})
        site.wait(OTHER, {WEB1: 1, WEB2: 1})
        yield site


def in_unit(site: Site) -> Process:
    """Return the director of the unit."""
    return process(site, site.pid())


def in_background(site: Site) -> Process:
    """Return the director with the other file."""
    return process(site, site.guest.run("sh", "-c", "cat /run/ldirectord.other*.pid").strip())


def process(site: Site, pid: str) -> Process:
    """Return a running process."""
    return Process(pid, site.guest.run("readlink", f"/proc/{pid}/exe").strip().rpartition("/")[2])


def exist(site: Site, *paths: str) -> list[str]:
    """Return which of these files exist."""
    return site.guest.run("sh", "-c", 'for path; do [ ! -e "$path" ] || echo "$path"; done', "sh", *paths).split()


def changed_files(site: Site) -> list[str]:
    """Return which files of the Perl package are not as it has them, without those for the operator to change."""
    lines = site.guest.run("dpkg", "--verify", "ldirectord").splitlines()
    return [line for line in lines if " c " not in line]


@contextmanager
def undisturbed(site: Site, phase: str, third: int) -> Iterator[None]:
    """Fail unless all requests during the block are answered, and no weight changes: that of WEB3 is ``third``."""
    with site.traffic() as traffic, site.traffic(OTHER_VIP) as other, site.watch() as watch:
        for clients in (traffic, other):
            clients.wait(10)
        yield
        for clients in (traffic, other):
            clients.wait(20)
    print(f"{phase}: {traffic.counts().total()} requests in the unit's service, {other.counts().total()} in the other")
    assert traffic.failures() == other.failures() == []
    assert [watch.weights(WEB, web) for web in (WEB1, WEB2, WEB3)] == [[1], [1], [third]]
    assert [watch.weights(OTHER, web) for web in (WEB1, WEB2)] == [[1], [1]]


def test_a_file_with_errors_is_refused_before_anything_is_changed(site: Site) -> None:
    before = in_unit(site), in_background(site)
    site.configure(f"{GOOD}    nonsense = 1\n")
    with undisturbed(site, "refused", third=0):
        result = install(site)
    site.configure(GOOD)
    assert result.status != 0
    assert "nonsense" in result.output
    assert "nothing has been changed, the Perl ldirectord goes on" in result.output
    assert before == (in_unit(site), in_background(site))
    assert changed_files(site) == []
    assert exist(site, *TRACES) == []


def test_it_takes_over_and_is_upgraded_and_gives_back(site: Site, tmp_path: Path) -> None:
    site.guest.bring(later_version(package(RELEASE), tmp_path), "later.deb")
    originals = in_unit(site), in_background(site)
    assert {one.program for one in originals} == {"perl"}
    with site.held_connection() as held:
        held.wait(5)
        take_over(site)
        upgrade(site)
        site.heal(WEB3)
        site.wait(WEB, {WEB1: 1, WEB2: 1, WEB3: 1})
        give_back(site)
        held.wait(5)
    print(f"{held.counts().total()} requests on the connection that was held open throughout")
    assert held.failures() == []
    assert len(held.counts()) == 1
    purge(site)


def take_over(site: Site) -> None:
    """Install the package: ours direct."""
    with undisturbed(site, "taken over", third=0):
        result = install(site)
    assert result.status == 0, result.output
    announced, _, told = result.output.partition("Unpacking ldirectord-py")
    for name, unit in (("ldirectord.cf", "the unit ldirectord.service"), ("other.cf", '"ldirectord start"')):
        assert f"the Perl ldirectord directs with {name}" in announced
        assert f"{name} is good: 1 virtual server, " in announced
        assert f"started in its place by {unit}" in announced
    assert told.count("it has taken over, and the table stayed") == 2
    assert "1 virtual server, 2 of 3 real servers up" in told
    assert in_unit(site).program == in_background(site).program == "python3.11"
    assert [site.value(name) for name in ("Type", "SubState", "UnitFileState")] == ["notify", "running", "enabled"]
    assert site.value("WatchdogUSec") != "0"
    assert exist(site, DROP_INS) == []


def upgrade(site: Site) -> None:
    """Install the later version: it directs."""
    before = in_unit(site), in_background(site)
    with undisturbed(site, "upgraded", third=0):
        result = install(site, "later.deb")
    assert result.status == 0, result.output
    for name in ("ldirectord.cf", "other.cf"):
        assert f"the director with {name} is restarted, and its table stayed" in result.output
    assert site.guest.run("dpkg-query", "--show", "--showformat=${Version}", NAME).endswith("+later")
    now = in_unit(site), in_background(site)
    assert {one.program for one in now} == {"python3.11"}
    assert not {one.pid for one in now} & {one.pid for one in before}


def give_back(site: Site) -> None:
    """Remove the package: the originals direct again."""
    with undisturbed(site, "given back", third=1):
        result = apt(site, "remove", NAME)
    assert result.status == 0, result.output
    for name in ("ldirectord.cf", "other.cf"):
        assert f"the Perl ldirectord directs with {name} again; the table stayed" in result.output
    assert in_unit(site).program == in_background(site).program == "perl"
    assert [site.value(name) for name in ("Type", "UnitFileState")] == ["forking", "enabled"]
    assert changed_files(site) == []


def purge(site: Site) -> None:
    """Purge the package: nothing of it is left, and the originals go on."""
    before = in_unit(site), in_background(site)
    result = apt(site, "purge", NAME)
    assert result.status == 0, result.output
    assert before == (in_unit(site), in_background(site))
    assert exist(site, *TRACES) == []
    assert site.guest.run("dpkg-divert", "--list", NAME) == ""
    assert changed_files(site) == []
