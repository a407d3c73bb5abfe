"""The default unit under a real systemd, from start to stop: what systemctl says, and what happens."""

from __future__ import annotations

from systemd.site import OTHER_VIP, WEB, WEB1, WEB2, Site, configuration, virtual

BOTH = {WEB1: 1, WEB2: 1}


def start_both(site: Site) -> None:
    """Start a director with two servers, and wait until it has them."""
    site.configure(configuration(virtual(WEB1, WEB2)))
    site.start()
    site.wait(WEB, BOTH)


def test_the_system_has_booted_without_a_failed_unit(site: Site) -> None:
    result = site.guest.call("systemctl", "is-system-running", "--wait")
    assert result.output.strip() == "running", site.guest.run("systemctl", "--no-pager", "--failed")


def test_a_start_loads_ipvs_and_ends_when_the_service_is_in_the_kernel(site: Site) -> None:
    site.guest.call("modprobe", "--remove", "ip_vs_wrr")
    site.guest.call("modprobe", "--remove", "ip_vs")
    assert "ip_vs " not in site.guest.read("/proc/modules")
    site.configure(configuration(virtual(WEB1, WEB2)))
    site.start()
    assert WEB in site.weights()
    site.wait(WEB, BOTH)
    assert [site.value(name) for name in ("Type", "ActiveState", "SubState")] == ["notify", "active", "running"]
    site.until(lambda: site.value("StatusText") == "1 virtual server, 2 of 2 real servers up")


def test_a_reload_changes_the_table_and_not_the_process(site: Site) -> None:
    start_both(site)
    pid = site.pid()
    site.configure(configuration(virtual(WEB1), virtual(WEB2, vip=OTHER_VIP)))
    assert site.systemctl("reload") == (0, "")
    site.wait(WEB, {WEB1: 1})
    site.wait(f"TCP {OTHER_VIP}:80", {WEB2: 1})
    assert site.pid() == pid
