"""The daemon with no more privileges than the units of systemd leave it: what needs no command of the site works."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from harness.host import ROOT
from harness.lab.client import get
from harness.lab.lab import SPARE_VIPS, VIP, Lab
from harness.lab.namespace import eventually
from harness.lab.real_server import RealServer
from harness.readable_python import readable_by_all

WITHIN = 60.0
VIPS = (VIP, *SPARE_VIPS[:2])
PORT = 9109
NOBODY = 65534
SETTINGS = ("expire_nodest_conn", "expire_quiescent_template")

READ_ONLY_TUNABLES = """set -e
mount --bind /proc/sys /proc/sys
mount --bind /proc/sys/net/ipv4/vs /proc/sys/net/ipv4/vs
mount -o remount,bind,ro /proc/sys
exec "$@"
"""
"""What ProtectKernelTunables and ReadWritePaths of the units do."""


def capabilities(*files: str) -> str:
    """Return the bounding set of a unit and its drop-ins, as setpriv(1) reads it."""
    found: list[str] = []
    for file in files:
        for line in (ROOT / "systemd" / file).read_text().replace("\\\n", " ").splitlines():
            if line.startswith("CapabilityBoundingSet="):
                words = line.partition("=")[2].split()
                found = [*found, *words] if words else []
    return ",".join(("-all", *(f"+{word.removeprefix('CAP_').lower()}" for word in found)))


def confined(*options: str) -> Sequence[str]:
    """Return the beginning of a command that runs the rest with fewer privileges."""
    tunables = ("unshare", "--mount", "sh", "-c", READ_ONLY_TUNABLES, "sh")
    return (*tunables, "setpriv", *options)


def configuration(web: RealServer, more: str) -> str:
    """Return virtuals that need all kinds of privileges for their checks."""
    virtuals = (
        f"virtual = {vip}:80\n    checktype = {checktype}\n    real = {web.address}:80 masq\n"
        for vip, checktype in zip(VIPS, ("connect", "ping", "external\n    checkcommand = /bin/true"), strict=True)
    )
    return f"expire = yes\ncheckinterval = 1\nchecktimeout = 3\n{more}{''.join(virtuals)}"


def assert_it_directs(lab: Lab, web: RealServer) -> None:
    """Start the daemon, and see that it checks, writes, sets the kernel, and does what an operator asks for."""
    director = lab.director
    director.run("ipvsadm", "-Ln")  # loads IPVS, as modprobe@ip_vs.service does
    director.start()
    for vip in VIPS:
        director.wait(f"TCP {vip}:80", {f"{web.address}:80": 1}, WITHIN)
    director.wait_log("Set net.ipv4.vs.expire_quiescent_template=1", WITHIN)
    assert director.run("cat", *(f"/proc/sys/net/ipv4/vs/{name}" for name in SETTINGS)).split() == ["1", "1"]
    done = director.command("drain", str(web.address), "--why", "test")
    assert done.status == 0, done.text
    director.wait(f"TCP {VIP}:80", {f"{web.address}:80": 0}, WITHIN)
    assert (director.folder / "lab.cf.json").exists()
    director.reload()
    limits = Path(f"/proc/{director.process.pid}/limits").read_text()
    assert [line.split()[4] for line in limits.splitlines() if line.startswith("Max core file size")] == ["1"]


@pytest.mark.takes(40)
def test_with_what_the_default_unit_leaves(lab: Lab) -> None:
    director = lab.director
    web = lab.real("web")
    director.configure(configuration(web, f"listen = {PORT}\n"))
    director.confinement = (
        *readable_by_all(),
        *confined(f"--bounding-set={capabilities('ldirectord.service')}"),
    )
    assert_it_directs(lab, web)
    eventually(lambda: get(director, "127.0.0.1", "/healthz", PORT).startswith("ok"), WITHIN, director.log)
    assert str(NOBODY) in users_of_children(director.process.pid)
    director.stop()
    assert director.weights() == {}


@pytest.mark.takes(30)
def test_as_a_user_of_its_own(lab: Lab) -> None:
    director = lab.director
    web = lab.real("web")
    director.configure(configuration(web, ""))
    os.chown(director.folder, NOBODY, NOBODY)
    for folder in director.folder.parents:
        if not (mode := folder.stat().st_mode) & 0o001:
            folder.chmod(mode | 0o001)  # those of pytest are for root only
    both = capabilities("ldirectord.service", "own-user.conf")
    director.confinement = (
        *readable_by_all(),
        *confined("--no-new-privs", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", f"--inh-caps={both}"),
        *(f"--ambient-caps={both}", f"--bounding-set={both}"),
    )
    assert both == "-all,+net_admin,+net_raw"
    assert_it_directs(lab, web)
    status = Path(f"/proc/{director.process.pid}/status").read_text()
    assert f"Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}" in status
    director.stop()
    assert director.weights() == {}


def users_of_children(pid: int) -> set[str]:
    """Return the real users of the processes that a process has started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it has ended
            fields = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
            if int(fields["PPid"]) == pid:
                found.add(fields["Uid"].split()[0])
    return found
