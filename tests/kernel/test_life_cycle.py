"""Starts and stops of the daemon on a real table: what is there already, and what is down meanwhile."""

from __future__ import annotations

import signal
import time

import pytest

from harness.lab.lab import SPARE_VIPS, VIP, Lab
from harness.lab.namespace import end, eventually
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


@pytest.mark.takes(20)
def test_F22_a_start_completes_what_a_killed_daemon_had_begun_to_write_and_removes_nothing(lab: Lab) -> None:
    vips, servers = SPARE_VIPS[:4], [f"192.0.2.{number}:80" for number in range(1, 251)]
    director = lab.director

    def configure(weight: int) -> dict[str, dict[str, int]]:
        reals = "".join(f"    real = {server} masq {weight}\n" for server in servers)
        director.configure("".join(f"virtual = {vip}:80\n    checktype = on\n{reals}" for vip in vips))
        return {f"TCP {vip}:80": dict.fromkeys(servers, weight) for vip in vips}

    first = configure(1)
    director.start()
    assert director.weights() == first
    second = configure(2)
    with director.watch() as watch:
        director.process.send_signal(signal.SIGHUP)
        eventually(lambda: director.weights() != first, WITHIN, director.log)
        director.kill()
        changed = sum(list(rows.values()).count(2) for rows in director.weights().values())
        director.start()
        assert director.weights() == second
    print(f"killed after {changed} of {len(vips) * len(servers)} changes")
    for service in first:
        assert {tuple(watch.weights(service, server)) for server in servers} <= {(1, 2)}
