"""Units of ldirectord@.service: directors with files of their own, beside that of ldirectord.service."""

from __future__ import annotations

from harness.lab.lab import SPARE_VIPS
from systemd.site import OTHER_VIP, WEB, WEB1, WEB2, WEB3, Site, configuration, virtual

INSTANCE = "ldirectord@web.cf.service"
FILE = "/etc/ha.d/web.cf"
OTHER = f"TCP {OTHER_VIP}:80"
THIRD = f"TCP {SPARE_VIPS[1]}:80"


def test_an_instance_has_its_file_and_leaves_the_rows_of_others(site: Site) -> None:
    site.direct(WEB1)
    site.configure(configuration(virtual(WEB2, vip=OTHER_VIP), more="cleanstop = yes\n"), FILE)
    site.start(INSTANCE)
    site.wait(OTHER, {WEB2: 1})
    site.until(lambda: site.value("StatusText", INSTANCE) == "1 virtual server, 1 of 1 real servers up")
    assert site.guest.run("ldirectord-py", "web.cf", "status").startswith("ldirectord for /etc/ha.d/web.cf is running")
    site.configure(configuration(virtual(WEB3, vip=SPARE_VIPS[1])), FILE)
    assert site.systemctl("reload", INSTANCE) == (0, "")
    site.wait(THIRD, {WEB3: 1})
    assert site.weights() == {WEB: {WEB1: 1}, THIRD: {WEB3: 1}}
    site.configure("virtual = nothing\n", FILE)
    assert site.systemctl("reload", INSTANCE).status != 0
    assert site.systemctl("stop").status == 0
    site.until(lambda: site.weights() == {WEB: {WEB1: 1}, THIRD: {WEB3: 1}})


def test_the_settings_of_all_instances_and_of_one(site: Site) -> None:
    site.drop_in("all.conf", "[Service]\nEnvironment=ALL=yes\n", "ldirectord@.service")
    site.drop_in("one.conf", "[Service]\nEnvironment=ONE=yes\n", INSTANCE)
    assert site.value("Environment", INSTANCE) == "ALL=yes ONE=yes"
    assert site.value("Environment", "ldirectord@other.cf.service") == "ALL=yes"
    assert site.value("Environment") == ""
