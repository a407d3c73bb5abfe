"""What the units leave to the daemon: its score, its processes as the kernel sees them, and that all works."""

from __future__ import annotations

import re

import pytest

from harness.host import ROOT
from harness.lab.lab import SPARE_VIPS
from systemd.capabilities import NONE, capability_set
from systemd.site import UNIT, WEB, WEB1, WEB2, Site, configuration, virtual

UNITS = sorted(path.name for path in (ROOT / "systemd").glob("*.service"))
NINE = capability_set(
    *("NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID"),
    *("DAC_OVERRIDE", "DAC_READ_SEARCH", "CHOWN", "FOWNER"),
)
FILTERED = "2"
"""The mode of seccomp with a filter of system calls."""

PORT = 9109
NOBODY = "65534"
CORE_LIMIT = "1"
CHECKS = "/var/log/ldirectord-web.checks"
SETTINGS = ("expire_nodest_conn", "expire_quiescent_template")


@pytest.mark.parametrize("unit", UNITS)
def test_the_exposure_that_systemd_sees(site: Site, unit: str) -> None:
    for file, most in ((unit, 3.0), ("scripts.conf", 7.8), ("own-user.conf", 2.0)):
        if file != unit:
            site.drop_in("chosen.conf", (ROOT / "systemd" / file).read_text(), unit)
        text = site.guest.run("systemd-analyze", "security", "--no-pager", unit.replace("@", "@web.cf"))
        found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", text)
        assert found, text
        print(f"{unit} with {file}: {found[1]}")
        assert float(found[1]) <= most, text


def core_limit(site: Site, pid: str) -> str | None:
    """Return the limit of a process for the size of its core files."""
    found = re.search(r"^Max core file size +(\S+)", site.guest.read(f"/proc/{pid}/limits"), re.MULTILINE)
    return found and found[1]


def test_checks_worker_table_and_sysctls_work_confined(site: Site) -> None:
    pinged = virtual(WEB2, vip=SPARE_VIPS[0], more="    checktype = ping\n")
    called = virtual(WEB2, vip=SPARE_VIPS[1], more="    checktype = external\n    checkcommand = /bin/true\n")
    checked = virtual(WEB1, WEB2, more=f"    monitorfile = {CHECKS}\n")
    site.configure(configuration(checked, pinged, called, more="expire = yes\nfork = yes\nworkers = 1\n"))
    site.start()
    site.wait(WEB, {WEB1: 1, WEB2: 1})
    for vip in SPARE_VIPS[:2]:
        site.wait(f"TCP {vip}:80", {WEB2: 1})
    site.until(lambda: "expire_quiescent_template=1" in site.log())
    assert site.guest.run("cat", *(f"/proc/sys/net/ipv4/vs/{name}" for name in SETTINGS)).split() == ["1", "1"]
    site.until(lambda: site.guest.call("grep", "--quiet", "200 OK", CHECKS).status == 0)
    daemon, worker = site.pid(), site.children()[0]
    for pid in (daemon, worker):
        status = site.process(pid)
        assert [status[name] for name in ("CapBnd", "Seccomp")] == [NINE, FILTERED]
        assert core_limit(site, pid) == CORE_LIMIT


def test_the_page_is_a_process_without_privileges(site: Site) -> None:
    site.direct(WEB1, WEB2, more=f"listen = {PORT}\n")
    site.until(lambda: site.get("/readyz", PORT) == "ready")
    assert WEB1 in site.get("/api/show", PORT)
    (page,) = site.children()
    status = site.process(page)
    assert [status[name].split() for name in ("Uid", "Gid")] == [[NOBODY] * 4] * 2
    assert [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [NONE] * 4
    assert [status["NoNewPrivs"], status["Seccomp"], core_limit(site, page)] == ["1", FILTERED, CORE_LIMIT]
    site.guest.run("kill", "-KILL", page)
    site.until(lambda: site.children() not in ([], [page]) and site.get("/readyz", PORT) == "ready")
    assert site.systemctl("stop").status == 0
    assert site.value("Result", UNIT) == "success"
    assert site.get("/readyz", PORT) == "refused"
