"""Each kind of change at a reload."""

from __future__ import annotations

from harness.comparison.farm_network import VIPS
from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import (
    FIRST,
    HTTP,
    MASQ_A,
    MASQ_B,
    RELOAD,
    RESET,
    SECOND,
    SHOP,
    SORRY,
    START,
    WEB,
    A,
    B,
    web,
)

BROKEN = "Reload with an error in the file"


def virtuals_and_servers_come_and_go(run: Run) -> None:
    run.start(web(MASQ_A))
    run.checkpoint("one server", {WEB: {A: 1}}, log=START)
    run.reload(web(MASQ_A, MASQ_B) + web(MASQ_B, vip=VIPS[1]))
    run.checkpoint("more of both", {WEB: {A: 1, B: 1}, SHOP: {B: 1}}, log=RELOAD)
    run.reload(web(MASQ_B))
    run.checkpoint("less of both", {WEB: {B: 1}}, log="Purged at a reload")
    run.assert_log(original=f"Purged real server (start): {A}", ours=f"Purged real server (reload): {A}")


def servers_change(run: Run) -> None:
    run.start(web(f"{A} masq 1", f"{B} masq 1"))
    run.checkpoint("weight 1", {WEB: {A: 1, B: 1}}, log=START)
    run.reload(web(f"{A} masq 5", f"{B} masq 1"))
    run.checkpoint("weight 5", {WEB: {A: 5, B: 1}}, log=RELOAD)
    run.reload(web(f"{A} gate 5", f"{B} masq 1 l:3 u:9"))
    run.checkpoint("gate and thresholds", {WEB: {A: 5, B: 1}}, log=RELOAD)


def a_service_changes(run: Run) -> None:
    run.start(web(MASQ_A, also="scheduler = rr"))
    run.checkpoint("rr", {WEB: {A: 1}}, log=START)
    run.reload(web(MASQ_A, also="scheduler = wlc\npersistent = 300\nnetmask = 255.255.255.0"))
    run.checkpoint("wlc and persistence", {WEB: {A: 1}})
    run.reload(web(MASQ_A, also="scheduler = wlc"))
    run.checkpoint("no persistence", {WEB: {A: 1}})


def a_fallback_changes(run: Run) -> None:
    run.farm.refuse_connections(FIRST)
    run.start(web(MASQ_A, also=f"fallback = {SORRY} masq"))
    run.wait_for_checks()
    run.checkpoint("the fallback serves", {WEB: {SORRY: 1}}, log=START)
    run.reload(web(MASQ_A, also=f"fallback = {B} masq"))
    run.checkpoint("another", {WEB: {B: 1}}, log=RELOAD)


def quiescence_changes(run: Run) -> None:
    run.start(web(MASQ_A, MASQ_B, also="quiescent = no"))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("removed", {WEB: {B: 1}})
    run.reload(web(MASQ_A, MASQ_B, also="quiescent = yes"))
    run.checkpoint("quiescent", {WEB: {A: 0, B: 1}}, log=RELOAD)
    run.reload(web(MASQ_A, MASQ_B, also="quiescent = no"))
    run.checkpoint("removed again", {WEB: {B: 1}}, log=RELOAD)


def a_broken_file(run: Run) -> None:
    run.start(web(MASQ_A, MASQ_B))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.reload(web(MASQ_A, MASQ_B) + "    sheduler = rr\n")
    run.farm.refuse_connections(FIRST)
    run.wait_for_checks()
    run.checkpoint("one fails", {WEB: {A: 1, B: 1}}, ours={WEB: {B: 1}}, table=BROKEN, log=BROKEN)
    run.assert_log(ours="Kept the old configuration")


def a_file_without_virtuals(run: Run) -> None:
    row = "Reload of a file without virtuals"
    run.start("quiescent = no\n")
    run.checkpoint("nothing so far", {}, log=START)
    run.reload(web(MASQ_A, MASQ_B))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=RELOAD)
    run.reload("quiescent = no\n")
    run.checkpoint("empty", {}, ours={WEB: {A: 1, B: 1}}, table=row, log=row)


def a_check_changes(run: Run) -> None:
    run.farm.fail_health()
    run.start(web(MASQ_A, MASQ_B))
    run.checkpoint("they accept", {WEB: {A: 1, B: 1}}, log=START)
    run.reload(web(MASQ_A, MASQ_B, check=HTTP, also=f"fallback = {SORRY} masq"))
    run.checkpoint("their pages are sick", {WEB: {SORRY: 1}}, log=RELOAD)
    run.reload(web(MASQ_A, MASQ_B, also=f"fallback = {SORRY} masq"))
    run.checkpoint("they accept again", {WEB: {A: 1, B: 1}}, log=RELOAD)


def a_virtual_that_is_to_stay(run: Run) -> None:
    row = "cleanstop=no of a virtual that a reload removes"
    run.start(web(MASQ_A) + web(MASQ_B, vip=VIPS[1], also="cleanstop = no"))
    run.checkpoint("both", {WEB: {A: 1}, SHOP: {B: 1}}, log=START)
    run.reload(web(MASQ_A))
    run.checkpoint("one is left out", {WEB: {A: 1}}, ours={WEB: {A: 1}, SHOP: {B: 1}}, table=row, log=row)


def by_itself(run: Run) -> None:
    run.start("autoreload = yes\n" + web(MASQ_A))
    run.wait_for_checks()
    run.checkpoint("one server", {WEB: {A: 1}}, log=START)
    run.configure("autoreload = yes\n" + web(MASQ_A, MASQ_B))
    run.checkpoint("two servers", {WEB: {A: 1, B: 1}}, log=RELOAD)
    run.farm.refuse_connections(SECOND)
    run.checkpoint("one down", {WEB: {A: 1}})
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=RESET)


SCENARIOS: tuple[Scenario, ...] = (
    virtuals_and_servers_come_and_go,
    servers_change,
    a_service_changes,
    a_fallback_changes,
    quiescence_changes,
    a_broken_file,
    a_file_without_virtuals,
    a_check_changes,
    a_virtual_that_is_to_stay,
    by_itself,
)
