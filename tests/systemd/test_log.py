"""The log: rotated by logrotate, or in the journal with its fields."""

from __future__ import annotations

import pytest

from systemd.site import LOG, UNIT, WEB1, WEB2, Site

IDENTIFIER = ("--identifier", "ldirectord")
DOWN = f"Real server {WEB1} (tcp:10.9.0.100:80) is down"


def test_a_rotated_log_goes_on_in_a_new_file(site: Site) -> None:
    site.direct(WEB1, WEB2)
    pid, before = site.pid(), site.log()
    site.guest.run("logrotate", "--force", "/etc/logrotate.d/ldirectord")
    site.sicken(WEB1)
    site.until(lambda: DOWN in site.log())
    rotated = site.guest.read(f"{LOG}.1")
    assert before != ""
    assert rotated.startswith(before)
    assert DOWN not in rotated
    assert site.guest.run("stat", "--format=%U %a", LOG, f"{LOG}.1").splitlines() == ["root 644"] * 2
    assert site.entries(*IDENTIFIER) == []
    assert site.pid() == pid


@pytest.mark.parametrize("where", ["supervised = yes\n", 'logfile = "local0"\n'])
def test_the_journal_has_the_fields_of_an_event_once(site: Site, where: str) -> None:
    site.direct(WEB1, WEB2, more=where)
    site.guest.run("systemctl", "restart", "systemd-journald")
    site.sicken(WEB1)
    event = (f"LDIRECTORD_REAL={WEB1}", "LDIRECTORD_EVENT=server-down")
    site.until(lambda: site.entries(*IDENTIFIER, *event) != [])
    (entry,) = site.entries("--unit", UNIT, *event)
    assert entry["MESSAGE"].startswith(DOWN)
    assert {name: entry[name] for name in ("SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_PID", "PRIORITY")} == {
        "SYSLOG_IDENTIFIER": "ldirectord",
        "_SYSTEMD_UNIT": UNIT,
        "_PID": site.pid(),
        "PRIORITY": "6",
    }
    fields = {name.removeprefix("LDIRECTORD_"): entry[name] for name in entry if name.startswith("LDIRECTORD_")}
    assert {name: fields[name] for name in ("INSTANCE", "VIRTUAL", "CODE", "UP")} == {
        "INSTANCE": "ldirectord",
        "VIRTUAL": "tcp:10.9.0.100:80",
        "CODE": "L7STS",
        "UP": "no",
    }
    assert site.journal("--unit", UNIT).count(DOWN) == 1
