"""``doctor`` on real hosts: a lab in which all is well, and one fault at a time in it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab.fresh_namespace import fresh_namespace
from harness.lab.lab import VIP, VIP6, Lab
from harness.own_process import run_here

LINK = "10.77.0.1"

SEEN = """\
mount -t tmpfs none /boot
printf 'CONFIG_IP_VS%s=y\\n' '' _WRR _SH > /boot/config-$(uname -r)
"$@" || test $? = 1
"""
"""Runs a command that may find something; the kernel of User-Mode Linux does not tell itself what is in it."""


def doctor(lab: Lab) -> dict[str, Any]:
    """Return what the doctor says on the director."""
    command = ("ldirectord", str(lab.director.config), "doctor", "--json")
    report: dict[str, Any] = json.loads(lab.director.run("unshare", "--mount", "sh", "-c", SEEN, "sh", *command))
    return report


def codes(report: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in report["findings"]]


@pytest.mark.takes(15)
def test_a_sound_lab_and_its_faults(lab: Lab) -> None:
    """One boot of the lab for all faults of masq and of the kernel: each is repaired before the next."""
    web = lab.real("web")
    director = lab.director
    director.configure(
        f"virtual = {VIP}:80\n real = {web.address}:80 masq\n real = 10.9.0.2:80 gate\n checktype = connect\n"
        f"virtual6 = [{VIP6}]:80\n real6 = [{web.addresses[1]}]:80 masq\n checktype = connect\n scheduler = sh\n"
    )
    sound = doctor(lab)
    assert codes(sound) in ([], ["expire-nodest-conn"])
    assert "settings of IPVS" in [*sound["examined"], *sound["not_examined"]]

    director.sysctl(net__ipv4__ip_forward=0)
    assert "forwarding-off" in codes(doctor(lab))
    director.sysctl(net__ipv4__ip_forward=1)

    director.ip(f"address delete {VIP}/32 dev lan")
    (missing,) = [each for each in doctor(lab)["findings"] if each["code"] == "address-missing"]
    assert missing["about"] == [f"tcp:{VIP}:80"]
    command = missing["remedy"].partition(";")[0].removeprefix("ip ")
    director.ip(command)  # what it proposes works
    assert codes(doctor(lab)) == codes(sound)

    director.configure(
        f"virtual = {VIP}:80\n real = {web.address}:80 masq\n scheduler = nosuch\n checktype = connect\n"
    )
    assert "module-missing" in codes(doctor(lab))


@pytest.fixture
def _two_links() -> Iterator[None]:
    """A namespace with eth0 (the default route, 10.77.0.0/24) and eth1 (10.78.0.0/24)."""
    with fresh_namespace():
        for number in (0, 1):
            link = f"eth{number}"
            _ip(f"link add {link} type dummy", f"link set {link} up", f"address add 10.{77 + number}.0.1/24 dev {link}")
        _ip("route add default via 10.77.0.254 dev eth0")
        _set("net.ipv4.conf.all.rp_filter=0", "net.ipv4.ip_forward=1")
        yield


def _ip(*lines: str) -> None:
    subprocess.run(["ip", "-batch", "-"], check=True, text=True, input="\n".join(lines) + "\n")


def _set(*values: str) -> None:
    for name, _, value in (each.partition("=") for each in values):
        Path("/proc/sys", *name.split(".")).write_text(value)


def here(tmp_path: Path, text: str) -> tuple[list[str], str]:
    """Return the codes and the text of the doctor in this namespace; the exit status goes with them."""
    config = tmp_path / "web.cf"
    config.write_text(text)
    report = run_here(str(config), "doctor", "--json")
    shown = run_here(str(config), "doctor")
    found = codes(report.json())
    assert report.status == shown.status == bool(found)
    return found, shown.text


@pytest.mark.usefixtures("_two_links")
def test_a_gate_server_behind_a_gateway(tmp_path: Path) -> None:
    found, shown = here(
        tmp_path, f"virtual = {LINK}:80\n real = 192.0.2.7:80 gate\n checktype = on\n quiescent = yes\n"
    )
    assert "gate-behind-gateway" in found
    assert "10.77.0.254 on eth0" in shown
    found, _ = here(tmp_path, f"virtual = {LINK}:80\n real = 10.78.0.7:80 gate\n checktype = on\n quiescent = yes\n")
    assert "gate-behind-gateway" not in found


@pytest.mark.usefixtures("_two_links")
def test_rp_filter(tmp_path: Path) -> None:
    """Clients of a virtual on eth1 are answered by eth0; and a server that answers by another link than its route."""
    text = "virtual = 10.78.0.1:80\n real = 10.78.0.7:80 masq\n checktype = on\n quiescent = yes\n"
    assert "client-path-filtered" not in here(tmp_path, text)[0]
    _set("net.ipv4.conf.all.rp_filter=1")
    assert "client-path-filtered" in here(tmp_path, text)[0]
    _set("net.ipv4.conf.eth1.rp_filter=2")
    assert here(tmp_path, text)[0] == []


@pytest.mark.usefixtures("_two_links")
def test_answers_of_a_server_that_the_kernel_drops(tmp_path: Path) -> None:
    """The server is beyond eth1, and a rule sends packets from the address of eth1 to it by eth0."""
    text = f"virtual = {LINK}:80\n real = 192.0.2.7:80 masq\n checktype = on\n quiescent = yes\n"
    _ip("route add 192.0.2.7 via 10.78.0.254 dev eth1")
    _ip("route add 192.0.2.7 via 10.77.0.254 dev eth0 table 100")
    _ip("rule add from 10.78.0.1 lookup 100 pref 100")
    assert "return-path-filtered" not in here(tmp_path, text)[0]
    _set("net.ipv4.conf.all.rp_filter=1")
    assert "return-path-filtered" in here(tmp_path, text)[0]
    _set("net.ipv4.conf.eth1.rp_filter=2")
    assert "return-path-filtered" not in here(tmp_path, text)[0]


@pytest.mark.usefixtures("_two_links")
def test_the_mtu_of_a_tunnel_and_a_server_that_is_this_host(tmp_path: Path) -> None:
    tunnel = f"virtual = {LINK}:80\n real = 10.78.0.7:80 ipip\n checktype = on\n quiescent = yes\n"
    assert "tunnel-mtu" in here(tmp_path, tunnel)[0]
    _ip("link set eth1 mtu 1520")
    assert here(tmp_path, tunnel)[0] == []
    own = f"virtual = {LINK}:80\n real = 10.78.0.1:80 gate\n checktype = on\n quiescent = yes\n"
    assert here(tmp_path, own)[0] == ["local-not-listening"]
    masq = f"virtual = {LINK}:80\n real = 127.0.0.1:8080 masq\n checktype = on\n quiescent = yes\n"
    assert here(tmp_path, masq)[0] == ["masq-to-loopback"]
