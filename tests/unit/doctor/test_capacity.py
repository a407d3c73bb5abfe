"""The limits of the host, against the checks."""

from __future__ import annotations

from ipaddress import ip_address

from builders import config, virtual
from harness.sound_host import SOUND, codes, sound
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.doctor.capacity import limits, look_at_limits
from ldirectord_py.ipvs.table import Protocol


def checks(number: int, interval: float = 1, kind: str = "http", targets: int = 1) -> list[Check]:
    return [
        Check(kind, Target(ip_address("10.0.0.0") + each % targets, 80, 5, request=f"/{each}"), interval)
        for each in range(number)
    ]


def found(some: list[Check], **facts: object) -> list[str]:
    return [finding.code for finding in limits(some, config(), sound(**facts))]


def test_a_usual_configuration_has_room() -> None:
    assert codes(look_at_limits, config(virtual("192.0.2.1:80", "10.0.0.1:80")), SOUND) == []
    assert found(checks(1000, 10)) == []


def test_more_checks_than_files() -> None:
    assert found(checks(1000, 10), files=1024) == ["file-limit"]
    for settings in ({"maxchecks": 100}, {"fork": True}):
        assert [each.code for each in limits(checks(1000, 10), config(**settings), sound(files=1024))] == []


def test_ports_of_one_target() -> None:
    assert found(checks(300)) == ["port-range"]
    assert found(checks(300, targets=10)) == []
    assert found(checks(300, kind="ping")) == []
    assert found(checks(300), sysctls={"net.ipv4.ip_local_port_range": ""}) == []
    udp = [Check("dns", Target(ip_address("10.0.0.1"), 53, 5, Protocol.UDP, str(each)), 1) for each in range(300)]
    assert found(udp) == []


def test_tracked_connections() -> None:
    assert found(checks(300, targets=300), sysctls={"net.netfilter.nf_conntrack_max": "65536"}) == ["conntrack-small"]
    full = {"net.netfilter.nf_conntrack_max": "1000", "net.netfilter.nf_conntrack_count": "950"}
    assert found([], sysctls=full) == ["conntrack-full"]
