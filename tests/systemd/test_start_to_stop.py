"""The default unit under a real systemd, from start to stop: what systemctl says, and what happens."""

from __future__ import annotations

from harness.machines.speed import slowness_now
from systemd.site import OTHER_VIP, UNIT, WEB, WEB1, WEB2, Site, configuration, virtual

BOTH = {WEB1: 1, WEB2: 1}
SCRIPT = "/usr/local/bin/check-site"


def quicken_watchdog(site: Site) -> None:
    """Let systemd wait for some seconds only, but for longer where this host is slow."""
    site.drop_in("quick.conf", f"[Service]\nWatchdogSec={4 * slowness_now():.0f}\nTimeoutAbortSec=2\n")


def test_the_system_has_booted_without_a_failed_unit(site: Site) -> None:
    result = site.guest.call("systemctl", "is-system-running", "--wait")
    assert result.output.strip() == "running", site.guest.run("systemctl", "--no-pager", "--failed")


def test_a_start_loads_ipvs_and_ends_when_the_service_is_in_the_kernel(site: Site) -> None:
    site.guest.script("unload.sh")
    assert "ip_vs" not in site.guest.read("/proc/modules")
    site.configure(configuration(virtual(WEB1, WEB2)))
    site.start()
    assert WEB in site.weights()
    site.wait(WEB, BOTH)
    assert [site.value(name) for name in ("Type", "ActiveState", "SubState")] == ["notify", "active", "running"]
    site.until(lambda: site.value("StatusText") == "1 virtual server, 2 of 2 real servers up")


def test_a_reload_changes_the_table_and_not_the_process(site: Site) -> None:
    site.direct(*BOTH)
    pid = site.pid()
    site.configure(configuration(virtual(WEB1), virtual(WEB2, vip=OTHER_VIP)))
    assert site.systemctl("reload") == (0, "")
    site.wait(WEB, {WEB1: 1})
    site.wait(f"TCP {OTHER_VIP}:80", {WEB2: 1})
    assert site.pid() == pid


def test_F22_a_killed_director_is_restarted_and_no_row_changes(site: Site) -> None:
    site.direct(*BOTH)
    pid = site.pid()
    with site.traffic() as traffic, site.held_connection() as held, site.watch() as watch:
        traffic.wait(10)
        site.guest.run("kill", "-KILL", pid)
        site.until(lambda: site.value("NRestarts") == "1" and site.value("ActiveState") == "active")
        traffic.wait(40)
        held.wait(5)
    assert site.pid() not in {"0", pid}
    assert [watch.weights(WEB, web) for web in BOTH] == [[1], [1]]
    assert traffic.failures() == []
    assert held.failures() == []
    print(f"{len(traffic.all())} requests, {len(held.all())} more on one connection")


def test_F35_a_director_that_stands_still_is_restarted_by_the_watchdog(site: Site) -> None:
    quicken_watchdog(site)
    site.direct(*BOTH)
    pid = site.pid()
    with site.traffic() as traffic, site.watch() as watch:
        site.guest.run("kill", "-STOP", pid)
        site.until(lambda: site.value("NRestarts") != "0" and site.value("ActiveState") == "active")
        traffic.wait(40)
    assert "Watchdog timeout" in site.journal("--unit", UNIT)
    assert [watch.weights(WEB, web) for web in BOTH] == [[1], [1]]
    assert traffic.failures() == []


def test_a_stop_ends_what_checks_have_started(site: Site) -> None:
    site.guest.write(SCRIPT, "#!/bin/sh\nsleep 3600 & sleep 3600\n", "755")
    hanging = f"    checktype = external\n    checkcommand = {SCRIPT}\n"
    site.configure(
        f"checkinterval = 1\nchecktimeout = 300\nvirtual = {OTHER_VIP}:80\n    real = {WEB1} masq\n{hanging}"
    )
    site.start()
    site.until(lambda: site.guest.call("pgrep", "--full", "sleep 3600").status == 0)
    assert site.systemctl("stop").status == 0
    assert [site.value(name) for name in ("ActiveState", "Result")] == ["inactive", "success"]
    assert site.guest.call("pgrep", "--full", "sleep 3600").output == ""
