"""The settings that forwarding and IPVS depend on."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from builders import config, real, virtual
from harness.sound_host import LOCAL, SOUND, codes, only, sound
from ldirectord_py.config.model import Expire, Forward
from ldirectord_py.doctor.facts import Area, FirewallRules, HostFacts
from ldirectord_py.doctor.sysctls import (
    look_at_forwarding,
    look_at_ipvs_settings,
    look_at_persistence,
    look_at_source_nat,
)
from ldirectord_py.ipvs.settings import EXPIRY
from ldirectord_py.ipvs.table import Protocol

WEB = config(virtual("192.0.2.1:80", "10.0.0.1:80", "10.0.0.2:80"))
GATE = config(virtual("192.0.2.1:80", real("10.0.0.1:80", Forward.GATE)))
SIX = config(virtual("[2001:db8::1]:80", "[fd00::2]:80"))


@pytest.mark.parametrize(
    ("switch", "four", "six"),
    [
        ("net.ipv4.ip_forward", True, False),
        ("net.ipv4.conf.eth1.forwarding", True, False),
        ("net.ipv4.conf.eth0.forwarding", False, False),
        ("net.ipv6.conf.all.forwarding", False, True),
        ("net.ipv6.conf.eth1.forwarding", False, True),
    ],
)
def test_masq_needs_forwarding_of_its_family(switch: str, four: bool, six: bool) -> None:
    facts = sound(sysctls={switch: "0"})
    assert codes(look_at_forwarding, WEB, facts) == ["forwarding-off"] * four
    assert codes(look_at_forwarding, SIX, facts) == ["forwarding-off"] * six
    assert codes(look_at_forwarding, GATE, facts) == []


def test_all_servers_are_one_finding_with_its_command() -> None:
    found = only(look_at_forwarding, WEB, sound(sysctls={"net.ipv4.ip_forward": "0"}))
    assert len(found.about) == 2
    assert found.remedy == "sysctl -w net.ipv4.ip_forward=1"


def test_a_server_that_is_this_host_needs_no_forwarding() -> None:
    facts = sound(sysctls={"net.ipv4.ip_forward": "0"}, routes={ip_address(f"10.0.0.{n}"): LOCAL for n in (1, 2)})
    assert codes(look_at_forwarding, WEB, facts) == []


def test_settings_of_ipvs() -> None:
    off = sound(sysctls={f"net.ipv4.vs.{name}": "0" for name in ("expire_nodest_conn", "expire_quiescent_template")})
    quiescent = config(virtual("192.0.2.1:80", quiescent=True))
    sticky = config(virtual("192.0.2.1:80", quiescent=True, persistent=60))
    for each in (WEB, quiescent, sticky):
        assert codes(look_at_ipvs_settings, each, SOUND) == []
    assert codes(look_at_ipvs_settings, WEB, off) == ["expire-nodest-conn"]
    assert codes(look_at_ipvs_settings, quiescent, off) == []
    assert codes(look_at_ipvs_settings, sticky, off) == ["expire-quiescent-template"]
    assert codes(look_at_ipvs_settings, config(virtual("192.0.2.1:80", protocol=Protocol.SCTP)), off) == []


def test_expire_decides_what_the_settings_are_once_the_daemon_runs() -> None:
    off = sound(sysctls=dict.fromkeys(EXPIRY, "0"))
    sticky = virtual("192.0.2.1:80", quiescent=True, persistent=60)
    for facts in (off, SOUND, HostFacts()):
        assert codes(look_at_ipvs_settings, config(sticky, expire=Expire.YES), facts) == []
        assert codes(look_at_ipvs_settings, config(sticky, expire=Expire.NO), facts) == ["expire-quiescent-template"]
    assert codes(look_at_ipvs_settings, config(virtual("192.0.2.1:80"), expire=Expire.YES), off) == []
    found = only(look_at_ipvs_settings, config(sticky), off)
    assert found.remedy == "write expire=yes, or sysctl -w net.ipv4.vs.expire_quiescent_template=1 without expire"


def test_a_setting_that_is_not_known_keeps_persistent_clients_too() -> None:
    sticky = config(virtual("192.0.2.1:80", quiescent=True, persistent=60))
    assert codes(look_at_persistence, sticky, HostFacts()) == ["expire-quiescent-template"]
    assert codes(look_at_persistence, sticky, SOUND) == []
    for harmless in (virtual("192.0.2.1:80", quiescent=True), virtual("192.0.2.1:80", persistent=60)):
        assert codes(look_at_persistence, config(harmless), HostFacts()) == []


def test_settings_that_are_not_there_are_not_judged() -> None:
    assert codes(look_at_ipvs_settings, WEB, HostFacts()) == ["?SETTINGS"]
    assert codes(look_at_source_nat, WEB, HostFacts()) == ["?SETTINGS"]
    assert codes(look_at_source_nat, GATE, HostFacts()) == []


def test_nat_of_the_firewall() -> None:
    nat, untracked = FirewallRules(source_nat=True), {"net.ipv4.vs.conntrack": "0"}
    assert codes(look_at_source_nat, WEB, sound(firewall=nat)) == []
    assert codes(look_at_source_nat, WEB, sound(firewall=nat, sysctls=untracked)) == ["source-nat-skipped"]
    assert codes(look_at_source_nat, WEB, sound(sysctls=untracked)) == []
    hidden = {Area.FIREWALL: "only root sees it"}
    assert codes(look_at_source_nat, WEB, sound(sysctls=untracked, unseen=hidden)) == ["?FIREWALL"]
