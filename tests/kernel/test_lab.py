"""The lab forwards traffic with a table written by ipvsadm, and its servers can fail in each way."""

from __future__ import annotations

import time

import pytest

from harness.lab.client import get
from harness.lab.lab import CLIENT, VIP, VIP6, Lab
from harness.lab.real_server import RealServer

SERVICE = f"TCP {VIP}:80"


def balance(lab: Lab, *reals: RealServer, method: str = "-m") -> None:
    lab.director.run("ipvsadm", "-A", "-t", f"{VIP}:80", "-s", "rr")
    for real in reals:
        for address in real.addresses:
            if address.version == 4:
                lab.director.run("ipvsadm", "-a", "-t", f"{VIP}:80", "-r", f"{address}:80", method, "-w", "1")


def test_requests_are_distributed_and_counted(lab: Lab) -> None:
    web1, web2 = lab.real("web1"), lab.real("web2")
    balance(lab, web1, web2)
    with lab.client.traffic(VIP) as traffic:
        traffic.wait(20)
        counts = traffic.counts()
        assert traffic.failures() == []
    assert set(counts) == {"web1", "web2"}
    assert abs(counts["web1"] - counts["web2"]) <= 4


def test_a_server_that_joins_leaves_the_director_its_hardware_address(lab: Lab) -> None:
    before = lab.director.run("ip", "-brief", "link", "show", "lan")
    lab.director.ip("link add low address 00:00:00:00:00:02 type dummy", "link set low master lan up")
    assert lab.director.run("ip", "-brief", "link", "show", "lan") == before


def test_the_table_is_read_in_the_usual_notation(lab: Lab) -> None:
    web1 = lab.real("web1")
    balance(lab, web1)
    lab.director.run("ipvsadm", "-A", "-t", f"[{VIP6}]:80", "-s", "wrr")
    lab.director.run("ipvsadm", "-a", "-t", f"[{VIP6}]:80", "-r", f"[{web1.addresses[1]}]:80", "-m", "-w", "3")
    lab.director.run("ipvsadm", "-A", "-f", "7", "-s", "rr")
    assert lab.director.weights() == {
        SERVICE: {f"{web1.address}:80": 1},
        f"TCP [{VIP6}]:80": {f"[{web1.addresses[1]}]:80": 3},
        "FWM 7": {},
    }
    assert get(lab.client, VIP6) == "web1"
    assert lab.director.saved() == [
        "-A -f 7 -s rr",
        f"-A -t {VIP}:80 -s rr",
        f"-A -t [{VIP6}]:80 -s wrr",
        f"-a -t {VIP}:80 -r {web1.address}:80 -m -w 1",
        f"-a -t [{VIP6}]:80 -r [{web1.addresses[1]}]:80 -m -w 3",
    ]


def test_a_sampler_records_each_change_of_a_weight(lab: Lab) -> None:
    web1 = lab.real("web1")
    balance(lab, web1)
    edit = ("ipvsadm", "-e", "-t", f"{VIP}:80", "-r", f"{web1.address}:80", "-m", "-w")
    with lab.director.watch() as watch:
        for weight in (0, 5):
            lab.director.run(*edit, str(weight))
            lab.director.wait(SERVICE, {f"{web1.address}:80": weight}, within=5)
            time.sleep(0.2)  # several samples
    assert watch.weights(SERVICE, f"{web1.address}:80") == [1, 0, 5]


def test_a_server_fails_in_every_way(lab: Lab) -> None:
    web = lab.real("web")
    assert get(lab.director, web.address, "/health") == "healthy"
    web.fail_health()
    assert (get(lab.director, web.address, "/health"), get(lab.director, web.address)) == ("503", "web")
    web.restore_health()
    web.stop()
    assert get(lab.director, web.address, "/health") == "refused"
    web.start()
    assert get(lab.director, web.address, "/health") == "healthy"
    web.hang()
    assert get(lab.director, web.address, "/health") == "timeout"
    web.resume()
    assert get(lab.director, web.address, "/health") == "healthy"


def test_a_farm_is_many_servers(lab: Lab) -> None:
    farm = lab.farm(20)
    dark, refusing = farm.addresses[0], farm.addresses[1]
    balance(lab, farm)
    farm.drop_packets(dark)
    farm.refuse_connections(refusing)
    with lab.client.traffic(VIP, workers=8, timeout=3) as traffic:
        traffic.wait(80)
        assert {failure.failure for failure in traffic.failures()} <= {"timeout", "refused"}
        assert set(traffic.counts()) == {str(a) for a in farm.addresses[2:20]}
        farm.restore_network()
        healed = time.monotonic()
        traffic.wait(80)
        assert traffic.failures(since=healed) == []
        assert set(traffic.counts(since=healed)) == {str(a) for a in farm.addresses[:20]}


@pytest.mark.parametrize("method", ["-m", "-g"])
def test_both_masquerading_and_direct_routing_reach_a_server(lab: Lab, method: str) -> None:
    web = lab.real("web")
    if method == "-g":
        web.accept_vip(VIP, CLIENT)
    balance(lab, web, method=method)
    assert get(lab.client, VIP) == "web"
