"""IPVS in the kernel."""

from __future__ import annotations

from builders import config, virtual
from harness.sound_host import SOUND, codes, only, sound
from ldirectord_py.doctor.facts import Area, IpvsState, KernelModules
from ldirectord_py.doctor.kernel_table import look_at_ipvs, look_at_table_size, look_for_modules
from ldirectord_py.ipvs.table import Protocol

WEB = config(virtual("192.0.2.1:80", "10.0.0.1:80"))
SIP = config(virtual("192.0.2.1:5060", protocol=Protocol.UDP, scheduler="sh", pe="sip"))
NOT_LOADED = IpvsState(loaded=False)


def test_a_sound_kernel() -> None:
    for look in (look_at_ipvs, look_at_table_size, look_for_modules):
        for each in (WEB, SIP, config()):
            assert codes(look, each, SOUND) == []


def test_ipvs_that_can_be_loaded_is_no_finding() -> None:
    loadable = KernelModules(loadable=frozenset({"ip_vs", "ip_vs_wrr"}))
    assert codes(look_at_ipvs, WEB, sound(ipvs=NOT_LOADED, modules=loadable)) == []
    assert codes(look_at_ipvs, WEB, sound(ipvs=NOT_LOADED, modules=KernelModules())) == ["ipvs-missing"]
    unseen = sound(ipvs=NOT_LOADED, modules=KernelModules(complete=False), unseen={Area.MODULES: "no list"})
    assert codes(look_at_ipvs, WEB, unseen) == ["?MODULES"]


def test_a_table_that_is_refused_or_hidden() -> None:
    assert only(look_at_ipvs, WEB, sound(ipvs=IpvsState(fault="not permitted"))).what == "not permitted"
    assert codes(look_at_ipvs, WEB, sound(unseen={Area.TABLE: "only root sees it"})) == ["?TABLE"]


def test_schedulers_and_engines() -> None:
    lacking = sound(modules=KernelModules(frozenset({"ip_vs"}), frozenset({"ip_vs_rr"})))
    assert codes(look_for_modules, SIP, lacking) == ["module-missing", "module-missing"]
    scheduler, engine = look_for_modules(SIP, lacking)
    assert "scheduler sh" in str(scheduler)
    assert "persistence engine sip" in str(engine)
    assert codes(look_for_modules, config(virtual("192.0.2.1:80", scheduler="lc", pe="none")), SOUND) == [
        "module-missing"
    ]


def test_modules_that_cannot_be_looked_up() -> None:
    hidden = sound(modules=KernelModules(frozenset({"ip_vs", "ip_vs_wrr"})), unseen={Area.MODULES: "no list"})
    assert codes(look_for_modules, WEB, hidden) == []
    assert codes(look_for_modules, SIP, hidden) == ["?MODULES"]


def test_without_ipvs_its_schedulers_are_not_reported_one_by_one() -> None:
    assert codes(look_for_modules, SIP, sound(modules=KernelModules())) == []


def test_the_table_of_connections() -> None:
    assert codes(look_at_table_size, WEB, sound(ipvs=IpvsState(True, "", 4096, 8 * 4096))) == []
    found = only(look_at_table_size, WEB, sound(ipvs=IpvsState(True, "", 4096, 100_000)))
    assert "conn_tab_bits=17" in found.remedy
    assert codes(look_at_table_size, WEB, sound(ipvs=IpvsState(True, "", 1 << 20, 10_000_000))) == []
