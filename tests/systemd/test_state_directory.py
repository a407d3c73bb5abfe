"""What the state directory keeps."""

from __future__ import annotations

import json

from systemd.site import WEB, WEB1, WEB2, Site

STATE = "/var/lib/ldirectord/ldirectord.json"


def test_F33_a_drain_lasts_over_a_reboot_of_the_machine(site: Site) -> None:
    site.direct(WEB1, WEB2)
    site.guest.run("systemctl", "enable", "ldirectord.service")
    site.guest.run("ldirectord-py", "drain", WEB2, "--why", "new kernel")
    site.wait(WEB, {WEB1: 1, WEB2: 0})
    print(f"booted again after {site.guest.reboot():.0f} s")
    with site.watch() as watch:
        site.until(lambda: site.value("ActiveState") == "active")
        site.wait(WEB, {WEB1: 1, WEB2: 0})
    assert 1 not in watch.weights(WEB, WEB2)
    assert "new kernel" in site.guest.run("ldirectord-py", "show")
    assert site.guest.run("stat", "--format=%U %a", STATE).split() == ["root", "600"]


def test_the_state_is_where_the_environment_of_the_unit_says(site: Site) -> None:
    site.guest.run("mkdir", "/srv/state")
    site.guest.write("/etc/default/ldirectord-py", "LDIRECTORD_STATEDIR=/srv/state\n")
    site.direct(WEB1, WEB2)
    site.guest.run("ldirectord-py", "drain", WEB2)
    assert WEB2 in json.dumps(json.loads(site.guest.read("/srv/state/ldirectord.json")))
    assert site.guest.call("test", "-e", STATE).status != 0
