"""A reload writes only what differs and keeps the state of every server that stays."""

from __future__ import annotations

import gc

from builders import down, fallback, real, service_key, up, virtual
from harness.director_site import TWO, WEB, destination, started
from ldirectord_py.config.model import CheckType, Forward, Virtual
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Service


async def test_F27_a_reload_writes_only_what_differs() -> None:
    site = await started(TWO)
    await site.check(up())
    heavier = virtual(WEB, real("10.1.0.1:80", weight=5), "10.1.0.2:80", fallback=fallback("127.0.0.1:80"))
    await site.reload(heavier)
    assert site.kernel.written == [Op(Verb.EDIT, destination(WEB, "10.1.0.1:80", 5))]


async def test_F27_a_reload_keeps_the_state_of_every_server_that_stays() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", failurecount=3))
    await site.check(up(), "10.1.0.1")
    await site.check(down(), "10.1.0.1")
    await site.reload(virtual(WEB, "10.1.0.3:80", "10.1.0.2:80", "10.1.0.1:80", failurecount=3, request="/new"))
    assert site.weights == {"10.1.0.1:80": 1}
    await site.check(down(), "10.1.0.1")
    assert site.lines == ["Soft failure real server: 10.1.0.1:80 (tcp:10.0.0.1:80) failure 2/3: connect refused"]


async def test_a_virtual_added_by_a_reload_knows_what_its_checks_have_found() -> None:
    first, second = virtual(WEB, "10.1.0.1:80"), virtual("10.0.0.2:80", "10.1.0.1:80")
    site = await started(first)
    await site.check(up())
    await site.reload(first, second)
    assert [site.director.health[key].up for key in site.director.health] == [True, True]


async def test_a_virtual_removed_by_a_reload_leaves_and_its_neighbours_stay() -> None:
    first, second = virtual(WEB, "10.1.0.1:80"), virtual("10.0.0.2:80", "10.1.0.1:80")
    site = await started(first, second)
    await site.check(up())
    await site.reload(first)
    assert site.kernel.written == [Op(Verb.DELETE, Service(service_key("10.0.0.2:80"), "wrr"))]
    assert site.lines == [
        "Purged real server (reload): 10.1.0.1:80 (10.0.0.2:80)",
        "Purged virtual server (reload): 10.0.0.2:80",
    ]


async def test_a_virtual_with_cleanstop_no_that_a_reload_removes_is_left_to_others() -> None:
    kept, other = virtual(WEB, "10.1.0.1:80", cleanstop=False), virtual("10.0.0.2:80", "10.1.0.2:80")
    site = await started(kept, other)
    await site.check(up())
    await site.reload(other)
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    await site.somebody(Op(Verb.EDIT, Service(service_key(WEB), "lc")))
    assert site.lines == []


async def test_a_real_removed_by_a_reload_is_purged() -> None:
    site = await started(TWO)
    await site.check(up())
    await site.reload(virtual(WEB, "10.1.0.1:80", fallback=fallback("127.0.0.1:80")))
    assert site.lines == ["Purged real server (reload): 10.1.0.2:80 (10.0.0.1:80)"]


async def test_a_reload_takes_back_a_weight_set_by_hand_only_where_the_server_is_configured_anew() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80"))
    await site.check(up())
    await site.somebody(
        Op(Verb.EDIT, destination(WEB, "10.1.0.1:80", 7)), Op(Verb.EDIT, destination(WEB, "10.1.0.2:80", 7))
    )
    await site.reload(virtual(WEB, "10.1.0.1:80", real("10.1.0.2:80", weight=3)))
    assert site.weights == {"10.1.0.1:80": 7, "10.1.0.2:80": 3}


async def test_a_result_of_a_check_that_a_reload_ended_is_ignored() -> None:
    site = await started(TWO)
    (check, *_) = site.director.compiled.plan
    await site.reload(virtual("10.0.0.2:80", "10.1.0.9:80"))
    site.director.observe(check, up())
    await site.director.reconcile()
    assert site.weights == {}


async def test_what_an_ended_check_found_does_not_count_when_a_reload_begins_it_anew() -> None:
    site = await started(TWO)
    (check, *_) = site.director.compiled.plan
    await site.reload(virtual("10.0.0.2:80", "10.1.0.9:80"))
    site.director.observe(check, up())
    await site.reload(TWO)
    assert site.weights == {"127.0.0.1:80": 1}


async def test_checktype_on_comes_up_by_a_reload() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80"))
    await site.check(down())
    await site.reload(virtual(WEB, "10.1.0.1:80", checktype=CheckType.ON))
    assert site.weights == {"10.1.0.1:80": 1}


async def test_virtuals_that_reloads_removed_are_not_kept() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80"))
    for number in range(20):
        await site.reload(virtual(f"10.7.0.{number}:80", "10.1.0.1:80"))
    gc.collect()
    kept = [each for each in gc.get_objects() if isinstance(each, Virtual) and each.id.startswith("tcp:10.7.")]
    assert len(kept) <= 2


async def test_a_server_that_is_there_twice_with_two_rows_is_the_one_of_its_last_line() -> None:
    site = await started(virtual(WEB, real("10.1.0.1:81", Forward.GATE), "10.1.0.1:81"))
    await site.check(up())
    assert "10.1.0.1:81" in site.weights
