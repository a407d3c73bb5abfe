"""Changes of the kernel's table by hand."""

from __future__ import annotations

from harness.comparison.farm_network import VIP, VIPS
from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import BY_HAND, FIRST, MASQ_A, MASQ_B, RELOAD, RESET, SHOP, START, WEB, A, B, C, web

DELETE_A = f"-d -t {VIP}:80 -r {A}"
QUIESCENT = "quiescent = yes\nreaddquiescent = {}\n" + web(MASQ_A, MASQ_B)


def a_quiescent_row_removed_and_left_so(run: Run) -> None:
    run.start(QUIESCENT.format("no"))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("one down", {WEB: {A: 0, B: 1}})
    run.ipvs(DELETE_A)
    run.wait_for_checks()
    run.checkpoint("removed", {WEB: {B: 1}})
    row = "A quiescent row that somebody removed"
    run.reload(QUIESCENT.format("no"))
    run.checkpoint("reloaded", {WEB: {A: 0, B: 1}}, ours={WEB: {B: 1}}, table=row, log=row)
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=row)


def a_quiescent_row_removed_and_readded(run: Run) -> None:
    run.start(QUIESCENT.format("yes"))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("one down", {WEB: {A: 0, B: 1}})
    run.ipvs(DELETE_A)
    run.wait_for_checks()
    run.checkpoint("removed", {WEB: {B: 1}}, ours={WEB: {A: 0, B: 1}}, table=BY_HAND, log=BY_HAND)
    run.reload(QUIESCENT.format("yes"))
    run.checkpoint("reloaded", {WEB: {A: 0, B: 1}}, log=RELOAD)


def a_row_removed_from_a_server_that_is_up(run: Run) -> None:
    run.start(web(MASQ_A, MASQ_B))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.ipvs(DELETE_A)
    run.wait_for_checks()
    run.checkpoint("removed", {WEB: {B: 1}}, ours={WEB: {A: 1, B: 1}}, table=BY_HAND, log=BY_HAND)
    run.farm.refuse_connections(FIRST)
    run.wait_for_checks()
    run.checkpoint("down", {WEB: {B: 1}}, log=BY_HAND)
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=RESET)


def a_weight_set_by_hand(run: Run) -> None:
    text = web(f"{A} masq 2", MASQ_B, also="quiescent = yes")
    run.start(text)
    run.checkpoint("all up", {WEB: {A: 2, B: 1}}, log=START)
    run.ipvs(f"-e -t {VIP}:80 -r {A} -m -w 7")
    run.wait_for_checks()
    run.checkpoint("edited", {WEB: {A: 7, B: 1}})
    run.farm.refuse_connections(FIRST)
    run.checkpoint("down", {WEB: {A: 0, B: 1}})
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 2, B: 1}}, log=RESET)
    run.ipvs(f"-e -t {VIP}:80 -r {A} -m -w 7")
    run.wait_for_checks()
    run.checkpoint("edited again", {WEB: {A: 7, B: 1}})
    why = "A weight that somebody set"
    run.reload(text)
    run.checkpoint("reloaded", {WEB: {A: 2, B: 1}}, ours={WEB: {A: 7, B: 1}}, table=why, log=RELOAD)


def an_engine_and_a_tunnel_set_by_hand(run: Run) -> None:
    text = web(f"{A} ipip", MASQ_B, also="quiescent = yes\npersistent = 600\nscheduler = {}")
    run.start(text.format("wlc"))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.ipvs(f"-E -t {VIP}:80 -s wlc -p 600 --pe sip")
    run.ipvs(f"-e -t {VIP}:80 -r {A} -i -w 1 --tun-type gue --tun-port 6080")
    run.wait_for_checks()
    run.checkpoint("edited", {WEB: {A: 1, B: 1}})
    row = "A persistence engine (`ipvsadm --pe`) or a tunnel (`--tun-type`, `--tun-port`) that somebody set"
    run.farm.refuse_connections(FIRST)
    run.checkpoint("down", {WEB: {A: 0, B: 1}}, table=row)
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, table=row, log=RESET)
    run.reload(text.format("wrr"))
    run.checkpoint("reloaded", {WEB: {A: 1, B: 1}}, table=row)
    run.assert_original_only(row, not any("--pe sip" in line or "gue" in line for line in run.director.saved()))


def a_server_added_by_hand(run: Run) -> None:
    text = web(MASQ_A, MASQ_B)
    run.start(text)
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.ipvs(f"-a -t {VIP}:80 -r {C} -m -w 4")
    run.wait_for_checks()
    run.checkpoint("added", {WEB: {A: 1, B: 1, C: 4}}, ours={WEB: {A: 1, B: 1}}, table=BY_HAND, log=BY_HAND)
    run.reload(text)
    run.checkpoint("reloaded", {WEB: {A: 1, B: 1}}, log=RELOAD)


def services_of_others(run: Run) -> None:
    run.ipvs(f"-A -t {VIPS[1]}:80 -s rr")
    run.ipvs(f"-a -t {VIPS[1]}:80 -r {C} -m -w 9")
    run.ipvs(f"-A -t {VIP}:80 -s rr")
    run.ipvs(f"-a -t {VIP}:80 -r {C} -m -w 9")
    text = web(MASQ_A, MASQ_B)
    run.start(text)
    run.checkpoint("purged in ours alone", {WEB: {A: 1, B: 1}, SHOP: {C: 9}}, log=START)
    run.reload(text)
    run.checkpoint("reloaded", {WEB: {A: 1, B: 1}, SHOP: {C: 9}}, log=RELOAD)
    run.daemon.stop()
    run.checkpoint("stopped", {SHOP: {C: 9}})


SCENARIOS: tuple[Scenario, ...] = (
    services_of_others,
    a_quiescent_row_removed_and_left_so,
    a_quiescent_row_removed_and_readded,
    a_row_removed_from_a_server_that_is_up,
    a_weight_set_by_hand,
    an_engine_and_a_tunnel_set_by_hand,
    a_server_added_by_hand,
)
