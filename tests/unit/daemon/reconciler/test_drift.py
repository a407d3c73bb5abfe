"""What others do to our rows is repaired or accepted, and logged once."""

from __future__ import annotations

from dataclasses import replace

from builders import down, real, service_key, up, virtual
from harness.director_site import QUIET, TWO, WEB, destination, started
from ldirectord_py.config.model import Forward as Method
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination, ForwardMethod, Service, Tunnel


async def test_F17_a_row_that_vanished_is_restored() -> None:
    site = await started(QUIET)
    await site.check(up())
    await site.somebody(Op(Verb.DELETE, destination(WEB, "10.1.0.1:80")))
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    assert site.lines == [
        "Somebody removed real server: 10.1.0.1:80 (10.0.0.1:80), adding it again",
        "Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)",
    ]


async def test_F17_a_service_that_vanished_is_restored_whole() -> None:
    site = await started(QUIET)
    await site.check(up())
    await site.somebody(Op(Verb.DELETE, Service(service_key(WEB), "wrr")))
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    assert site.lines[0] == "Somebody removed virtual server: 10.0.0.1:80, adding it again"


async def test_a_scheduler_changed_by_hand_is_reverted() -> None:
    site = await started(QUIET)
    await site.somebody(Op(Verb.EDIT, Service(service_key(WEB), "lc")))
    assert site.kernel.table[service_key(WEB)] == Service(service_key(WEB), "wrr")


def sip(scheduler: str = "wrr") -> Service:
    return Service(service_key(WEB), scheduler, engine="sip")


def wrapped(server: str, weight: int = 1) -> Destination:
    return destination(WEB, server, weight)._replace(forward=ForwardMethod.TUNNEL, tunnel=Tunnel(1, 6080))


IPIP_ONE = virtual(WEB, real("10.1.0.1:80", Method.IPIP), "10.1.0.2:80", quiescent=True)


async def test_a_start_keeps_the_engine_and_the_tunnels_that_it_finds() -> None:
    kernel = (sip("lc"), wrapped("10.1.0.1:80"), destination(WEB, "10.1.0.2:80"))
    site = await started(IPIP_ONE, kernel=kernel)
    await site.check(down())
    assert site.kernel.table[service_key(WEB)] == sip()
    assert wrapped("10.1.0.1:80", 0) in site.kernel.table.values()


async def test_a_reload_keeps_the_engine_and_the_tunnels() -> None:
    site = await started(IPIP_ONE)
    await site.check(up())
    await site.kernel.apply([Op(Verb.EDIT, sip()), Op(Verb.EDIT, wrapped("10.1.0.1:80"))])
    heavier = virtual(WEB, real("10.1.0.1:80", Method.IPIP, weight=5), "10.1.0.2:80", scheduler="lc")
    await site.reload(heavier)
    assert site.kernel.table[service_key(WEB)] == sip("lc")
    assert wrapped("10.1.0.1:80", 5) in site.kernel.table.values()
    await site.reload(replace(heavier, pe="none"))
    assert site.kernel.table[service_key(WEB)] == Service(service_key(WEB), "lc")


async def test_an_engine_and_a_tunnel_set_by_hand_are_accepted_and_logged_once() -> None:
    site = await started(IPIP_ONE)
    await site.check(up())
    await site.somebody(Op(Verb.EDIT, sip()), Op(Verb.EDIT, wrapped("10.1.0.1:80")))
    assert site.lines == [
        "Somebody set the persistence engine of virtual server: 10.0.0.1:80 to sip, leaving it so",
        "Somebody changed the tunnel of real server: 10.1.0.1:80 (10.0.0.1:80), leaving it so",
    ]
    assert site.kernel.written == []
    await site.somebody()
    assert (site.lines, site.kernel.written) == ([], [])
    await site.somebody(Op(Verb.EDIT, sip("rr")))
    assert site.kernel.table[service_key(WEB)] == sip()
    assert site.lines[0] == "Somebody changed virtual server: 10.0.0.1:80, setting it back"


async def test_an_engine_that_the_file_names_is_restored() -> None:
    site = await started(replace(IPIP_ONE, pe="sip"))
    assert site.kernel.table[service_key(WEB)] == sip()
    await site.somebody(Op(Verb.EDIT, Service(service_key(WEB), "wrr")))
    assert site.kernel.table[service_key(WEB)] == sip()
    await site.reload(IPIP_ONE)
    assert site.kernel.table[service_key(WEB)] == sip()


async def test_a_weight_and_a_tunnel_set_by_hand_are_both_accepted() -> None:
    site = await started(IPIP_ONE)
    await site.check(up())
    await site.somebody(Op(Verb.EDIT, wrapped("10.1.0.1:80", 7)))
    assert site.kernel.written == []
    assert wrapped("10.1.0.1:80", 7) in site.kernel.table.values()


async def test_F17_a_strange_destination_in_our_service_is_removed() -> None:
    site = await started(QUIET)
    await site.somebody(Op(Verb.ADD, destination(WEB, "10.1.0.9:80")))
    assert "10.1.0.9:80" not in site.weights
    assert site.lines == [
        "Somebody added real server: 10.1.0.9:80 (10.0.0.1:80), removing it",
        "Purged real server (run): 10.1.0.9:80 (10.0.0.1:80)",
    ]


async def test_F17_a_weight_set_by_hand_stays_until_the_server_changes_its_state() -> None:
    site = await started(QUIET)
    await site.check(up())
    await site.somebody(Op(Verb.EDIT, destination(WEB, "10.1.0.1:80", 7)))
    assert site.lines == [
        "Somebody set the weight of real server: 10.1.0.1:80 (10.0.0.1:80) to 7, leaving it so",
    ]
    await site.check(down(), "10.1.0.2")
    await site.check(up())
    assert site.weights == {"10.1.0.1:80": 7, "10.1.0.2:80": 1}
    await site.check(down(), "10.1.0.1")
    await site.check(up(), "10.1.0.1")
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_a_weight_set_by_hand_stays_when_other_changes_of_the_row_are_repaired() -> None:
    site = await started(QUIET)
    await site.check(up())
    weighted = destination(WEB, "10.1.0.1:80", 7)
    await site.somebody(Op(Verb.EDIT, weighted))
    for _ in range(2):
        await site.somebody(Op(Verb.EDIT, weighted._replace(forward=ForwardMethod.TUNNEL)))
        assert site.kernel.written == [Op(Verb.EDIT, weighted)]


async def test_a_weight_set_by_hand_on_the_fallback_ends_when_it_leaves() -> None:
    site = await started(TWO)
    await site.somebody(Op(Verb.EDIT, destination(WEB, "127.0.0.1:80", 7)))
    assert site.weights == {"127.0.0.1:80": 7}
    await site.check(up())
    await site.check(down())
    assert site.weights == {"127.0.0.1:80": 1}


async def test_a_quiescent_row_removed_by_hand_stays_removed_until_the_server_is_up() -> None:
    site = await started(QUIET)
    await site.somebody(Op(Verb.DELETE, destination(WEB, "10.1.0.1:80", 0)))
    assert site.weights == {"10.1.0.2:80": 0}
    assert site.lines == [
        "Somebody removed real server: 10.1.0.1:80 (10.0.0.1:80), leaving it so (readdquiescent=no)",
    ]
    await site.check(down())
    await site.reload(QUIET)
    assert site.weights == {"10.1.0.2:80": 0}
    await site.check(up())
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_readdquiescent_puts_a_quiescent_row_back() -> None:
    site = await started(QUIET, readdquiescent=True)
    await site.somebody(Op(Verb.DELETE, destination(WEB, "10.1.0.1:80", 0)))
    assert site.weights == {"10.1.0.1:80": 0, "10.1.0.2:80": 0}


async def test_a_quiescent_row_that_somebody_put_back_is_kept() -> None:
    site = await started(QUIET)
    row = destination(WEB, "10.1.0.1:80", 0)
    await site.somebody(Op(Verb.DELETE, row))
    await site.somebody(Op(Verb.ADD, row))
    assert (site.weights, site.lines) == ({"10.1.0.1:80": 0, "10.1.0.2:80": 0}, [])


async def test_a_quiescent_row_removed_by_hand_comes_back_with_its_server_before_any_resync() -> None:
    site = await started(QUIET)
    await site.kernel.apply([Op(Verb.DELETE, destination(WEB, "10.1.0.1:80", 0))])
    await site.check(up())
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_a_weight_set_by_hand_does_not_hold_for_a_server_that_went_down_before_the_resync() -> None:
    site = await started(QUIET)
    await site.check(up())
    await site.kernel.apply([Op(Verb.EDIT, destination(WEB, "10.1.0.1:80", 7))])
    for check in site.director.compiled.plan:
        site.director.observe(check, down())
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 0, "10.1.0.2:80": 0}
