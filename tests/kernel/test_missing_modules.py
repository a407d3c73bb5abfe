"""Modules of IPVS go away or cannot be loaded: the rest goes on, and what is missing is written once they are back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness.lab.lab import SPARE_VIPS, VIP, Lab
from harness.lab.namespace import eventually

WITHIN = 60.0
WEB, SHOP = f"TCP {VIP}:80", f"TCP {SPARE_VIPS[0]}:80"
NO_SUCH_MODULES = Path("/run/modprobe.d/lab.conf")
ENDING_SECONDS = 20.0
"""How long namespaces of former tests, which the kernel takes apart behind our backs, may keep a module in use."""


def users(module: str) -> list[str] | None:
    """Return the modules that use a loaded module; None if it is not loaded."""
    for line in Path("/proc/modules").read_text().splitlines():
        name, _, _, holders, *_ = line.split()
        if name == module:
            return [holder for holder in holders.split(",") if holder.strip("-")]
    return None


def gone(module: str) -> bool:
    """Unload a module with those that use it; return whether that is possible: a host may use it elsewhere."""
    seconds = ENDING_SECONDS if "MACHINE_OUT" in os.environ else 0
    with suppress(AssertionError):
        eventually(lambda: _unload(module), seconds, lambda: module)
    return users(module) is None


def _unload(module: str) -> bool:
    if (holders := users(module)) is not None:
        subprocess.run(["rmmod", *holders, module], check=False, capture_output=True)
    return users(module) is None


@contextmanager
def missing(module: str) -> Iterator[None]:
    """Let no attempt to load a module succeed, neither the kernel's own nor one of a program."""
    NO_SUCH_MODULES.parent.mkdir(exist_ok=True)
    NO_SUCH_MODULES.write_text(f"install {module} /bin/false\n")
    try:
        yield
    finally:
        NO_SUCH_MODULES.unlink()


def shown_error(lab: Lab) -> str:
    """Return why ``show`` cannot read the table; "" if it can."""
    return str(lab.director.command("show", "--json").json()["kernel"]["error"] or "")


@pytest.mark.takes(25)
def test_F20_without_its_module_a_daemon_checks_on_and_its_table_comes_back_with_the_module(lab: Lab) -> None:
    web1, web2 = lab.real("web1"), lab.real("web2")
    first, second = f"{web1.address}:80", f"{web2.address}:80"
    director = lab.director
    director.configure(
        f"checkinterval = 1\nchecktimeout = 3\nreconcile = 600\nvirtual = {VIP}:80\n    checktype = connect\n"
        f"    real = {first} masq\n    real = {second} masq\n"
    )
    director.start()
    director.wait(WEB, {first: 1, second: 1}, WITHIN)
    if users("ip_vs") is None:
        return  # it is built in
    with missing("ip_vs"):
        director.run("ipvsadm", "-C")
        if not gone("ip_vs"):
            assert "MACHINE_OUT" not in os.environ, Path("/proc/modules").read_text()
            return
        web2.stop()
        director.wait_log("Cannot reach the kernel's table, checks go on: the kernel has no IPVS", WITHIN)
        director.wait_log(f"Real server {second} (tcp:{VIP}:80) is down", WITHIN)
        web2.start()
        director.wait_log(f"Real server {second} (tcp:{VIP}:80) is up", WITHIN)
        web1.stop()
        director.wait_log(f"Real server {first} (tcp:{VIP}:80) is down", WITHIN)
        eventually(lambda: "the kernel has no IPVS" in shown_error(lab), WITHIN, director.log)
        assert users("ip_vs") is None
    director.wait_log("The kernel's table is in reach again", WITHIN)
    director.wait(WEB, {second: 1}, WITHIN)
    web1.start()
    director.wait(WEB, {first: 1, second: 1}, WITHIN)


@pytest.mark.takes(15)
def test_F21_a_service_whose_scheduler_is_missing_keeps_no_other_and_comes_with_it(lab: Lab) -> None:
    subprocess.run(["modprobe", "ip_vs_mh"], check=True)
    if users("ip_vs_mh") is None:
        return  # it is built in
    web = lab.real("web")
    server = f"{web.address}:80"
    director = lab.director
    director.configure(
        "checkinterval = 1\nchecktimeout = 3\n"
        f"virtual = {VIP}:80\n    scheduler = mh\n    checktype = connect\n    real = {server} masq\n"
        f"virtual = {SPARE_VIPS[0]}:80\n    scheduler = wrr\n    checktype = connect\n    real = {server} masq\n"
    )
    with missing("ip_vs_mh"):
        if not gone("ip_vs_mh"):
            assert "MACHINE_OUT" not in os.environ, Path("/proc/modules").read_text()
            return
        director.start()
        director.wait(SHOP, {server: 1}, WITHIN)
        director.wait_log(f"Kernel refused to add virtual server: {VIP}:80: scheduler mh is not available", WITHIN)
        assert WEB not in director.weights()
    director.wait(WEB, {server: 1}, WITHIN)
    assert director.log().count("Kernel refused to add virtual server") == 1
