"""Starts and stops of the daemon on a real table: what is there already, and what is down meanwhile."""

from __future__ import annotations

import signal
import time

import pytest

from harness.lab.lab import SPARE_VIPS, VIP, Lab
from harness.lab.namespace import end
from harness.machines.speed import lateness

WITHIN = 60.0
INTERVAL, TIMEOUT = 1, 2
WEB, FOREIGN = f"TCP {VIP}:80", f"TCP {SPARE_VIPS[9]}:80"
STOP_SECONDS = 5.0


def site(*servers: object, more: str = "") -> str:
    """Return a configuration of these servers, checked by their page."""
    reals = "".join(f"    real = {server}:80 masq\n" for server in servers)
    return (
        f"checkinterval = {INTERVAL}\nchecktimeout = {TIMEOUT}\nnegotiatetimeout = {TIMEOUT}\n{more}"
        f'virtual = {VIP}:80\n    service = http\n    request = "health"\n    receive = "healthy"\n{reals}'
    )


@pytest.mark.takes(20)
def test_F31_a_start_takes_over_the_servers_that_the_kernel_has_and_removes_the_dead_ones(lab: Lab) -> None:
    alive, dead = lab.real("alive"), lab.real("dead")
    rows = [f"{alive.address}:80", f"{dead.address}:80"]
    lab.director.run("ipvsadm", "-A", "-t", f"{VIP}:80", "-s", "wrr")
    for row in rows:
        lab.director.run("ipvsadm", "-a", *f"-t {VIP}:80 -r {row} -m -w 1".split())
    dead.stop()
    lab.director.configure(site(alive.address, dead.address))
    with lab.client.traffic(VIP) as traffic, lab.director.watch() as watch:
        traffic.wait(requests=10, within=WITHIN)
        lab.director.start()
        lab.director.wait_in_time(WEB, {rows[0]: 1}, INTERVAL)
        out = time.monotonic()
        traffic.wait(requests=20, within=WITHIN)
        assert traffic.failures(since=out) == []
    assert [watch.weights(WEB, row) for row in rows] == [[1], [1, None]]


@pytest.mark.takes(20)
def test_F32_into_an_empty_table_a_server_comes_with_its_first_success(lab: Lab) -> None:
    alive, dead = lab.real("alive"), lab.real("dead")
    rows = [f"{alive.address}:80", f"{dead.address}:80"]
    dead.stop()
    lab.director.configure(site(alive.address, dead.address))
    lab.director.run("ipvsadm", "-Ln")  # loads IPVS
    with lab.director.watch() as watch:
        lab.director.start()
        lab.director.wait_in_time(WEB, {rows[0]: 1}, INTERVAL)
        lab.director.wait_log(f"Real server {rows[1]} (tcp:{VIP}:80) is down", WITHIN)
        dead.start()
        lab.director.wait_in_time(WEB, dict.fromkeys(rows, 1), INTERVAL)
    assert [watch.weights(WEB, row) for row in rows] == [[None, 1]] * 2


@pytest.mark.takes(40)
@pytest.mark.parametrize("cleanstop", ["no", "yes"])
def test_F33_after_a_restart_a_drain_is_kept_and_the_weight_0_of_a_failure_is_not(lab: Lab, cleanstop: str) -> None:
    good, failed, drained = (lab.real(name) for name in ("good", "failed", "drained"))
    rows = [f"{server.address}:80" for server in (good, failed, drained)]
    addresses = [server.address for server in (good, failed, drained)]
    lab.director.configure(site(*addresses, more=f"quiescent = yes\ncleanstop = {cleanstop}\n"))
    lab.director.start()
    lab.director.wait(WEB, dict.fromkeys(rows, 1), WITHIN)
    failed.stop()
    assert lab.director.command("drain", str(drained.address)).status == 0
    before = dict(zip(rows, (1, 0, 0), strict=True))
    lab.director.wait(WEB, before, WITHIN)
    lab.director.stop()
    assert lab.director.weights() == ({WEB: before} if cleanstop == "no" else {})
    failed.start()
    with lab.director.watch() as watch:
        lab.director.start()
        lab.director.wait_in_time(WEB, dict(zip(rows, (1, 1, 0), strict=True)), INTERVAL)
    seen = [watch.weights(WEB, row) for row in rows]
    assert 1 not in seen[2]
    if cleanstop == "no":
        assert seen == [[1], [0, 1], [0]]


@pytest.mark.takes(30)
def test_F36_a_stop_while_all_servers_fail_is_quick_and_leaves_what_cleanstop_says(lab: Lab) -> None:
    farm = lab.farm(20)
    servers = [address for address in farm.addresses if address.version == 4]
    up = {f"{address}:80": 1 for address in servers}
    director = lab.director
    director.run("ipvsadm", "-A", "-t", f"{SPARE_VIPS[9]}:80", "-s", "rr")
    for fall, cleanstop, left in ((100, "no", {WEB: up, FOREIGN: {}}), (101, "yes", {FOREIGN: {}})):
        director.configure(site(*servers, more=f"failurecount = {fall}\ncleanstop = {cleanstop}\n"))
        director.start()
        director.wait(WEB, up, WITHIN)
        farm.hang()
        director.wait_log(f"failure 1/{fall}", WITHIN)
        director.process.send_signal(signal.SIGTERM)
        took = end(director.process)  # sends another one
        farm.resume()
        print(f"stopped in {took:.2f} s with cleanstop={cleanstop}")
        assert took < lateness(STOP_SECONDS)
        assert director.process.returncode == 0
        assert director.weights() == left
