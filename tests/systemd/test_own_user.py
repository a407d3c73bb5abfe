"""The director as a user of its own, installed step by step as docs/systemd.md says."""

from __future__ import annotations

from collections.abc import Mapping

from systemd.capabilities import capability_set
from systemd.site import CONFIG, OTHER_VIP, WEB, WEB1, WEB2, Site, configuration, virtual

USER = "ldirectord"
LOG = "/var/log/ldirectord/ldirectord.log"
TWO = ("NET_ADMIN", "NET_RAW")
RUNDIR = "LDIRECTORD_RUNDIR=/run/ldirectord"
OTHER = f"TCP {OTHER_VIP}:80"
PORT = 99
PORT_CONF = """[Service]
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
"""


def write_configuration(site: Site, more: str = "") -> None:
    """Write a configuration that this user may read, and nobody else."""
    pinged = virtual(WEB2, vip=OTHER_VIP, more="    checktype = ping\n")
    site.configure(configuration(virtual(WEB1, WEB2), pinged, more=f'cleanstop = no\nlogfile = "{LOG}"\n{more}'))
    site.guest.run("sh", "-c", 'chgrp "$1" "$2" && chmod 640 "$2"', "sh", USER, CONFIG)


def add_user(site: Site) -> None:
    """Add the user, if there is none yet."""
    if site.guest.call("id", USER).status != 0:
        site.guest.run("useradd", "--system", "--home-dir", "/", "--shell", "/usr/sbin/nologin", USER)


def assert_confined(status: Mapping[str, str], user: str, *capabilities: str) -> None:
    """See that a process is of this user, and has these capabilities and cannot gain more."""
    assert status["Uid"].split() == [user] * 4
    names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
    assert [status[name] for name in names] == [*([capability_set(*capabilities)] * 5), "1"]


def test_a_running_director_gets_a_user_of_its_own(site: Site) -> None:
    add_user(site)
    site.direct(WEB1, WEB2)
    assert site.guest.run("ldirectord-py", "drain", WEB2, "--why", "new kernel")
    site.wait(WEB, {WEB1: 1, WEB2: 0})
    with site.traffic() as traffic, site.held_connection() as held, site.watch() as watch:
        traffic.wait(5)
        write_configuration(site)
        site.shipped_drop_in("own-user.conf")
        assert site.systemctl("restart").status == 0
        site.wait(OTHER, {WEB2: 1})
        traffic.wait(5)
    assert [watch.weights(WEB, web) for web in (WEB1, WEB2)] == [[1], [0]]
    assert traffic.failures() == held.failures() == []
    user = site.guest.run("id", "--user", USER).strip()
    assert_confined(site.process(site.pid()), user, *TWO)
    assert site.guest.run("env", RUNDIR, "ldirectord-py", "undrain", WEB2)
    site.wait(WEB, {WEB1: 1, WEB2: 1})
    owned = ("/var/lib/ldirectord/ldirectord.json", LOG, "/run/ldirectord/ldirectord.ldirectord.pid")
    assert site.guest.run("stat", "--format=%U", *owned).split() == [USER] * 3


def test_it_reloads_rotates_its_log_and_serves_its_page(site: Site) -> None:
    add_user(site)
    write_configuration(site, f"listen = {PORT}\n")
    site.shipped_drop_in("own-user.conf")
    site.drop_in("port.conf", PORT_CONF)
    site.start()
    site.until(lambda: site.get("/readyz", PORT) == "ready")
    user = site.guest.run("id", "--user", USER).strip()
    assert_confined(site.process(site.pid()), user, *TWO, "NET_BIND_SERVICE")
    (page,) = site.children()
    assert_confined({**site.process(page), "CapBnd": capability_set()}, user)
    settings = site.guest.read("/etc/logrotate.d/ldirectord").replace("/var/log/ldirectord.log", LOG)
    site.guest.write("/run/site.logrotate", settings)
    site.guest.run("logrotate", "--force", "/run/site.logrotate")
    write_configuration(site)
    assert site.systemctl("reload") == (0, "")
    site.until(lambda: site.get("/readyz", PORT) == "refused")
    site.until(lambda: site.guest.call("test", "-s", LOG).status == 0)
    assert site.guest.run("stat", "--format=%U", LOG, f"{LOG}.1").split() == [USER] * 2
    site.guest.write(CONFIG, "virtual = nothing\n")
    assert site.systemctl("reload").status != 0
