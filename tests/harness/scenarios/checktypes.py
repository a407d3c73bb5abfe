"""Kinds of checks: none, by a program, pings, combined."""

from __future__ import annotations

from harness.comparison.farm_network import VIP, VIPS
from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import BLOG, FIRST, HTTP, MASQ_A, MASQ_B, RESET, SECOND, SHOP, SORRY, START, WEB, A, B, web


def without_checks(run: Run) -> None:
    run.farm.refuse_connections(FIRST)
    fallback = f"fallback = {SORRY} masq"
    run.start(
        web(MASQ_A, MASQ_B, check="checktype = off", also=fallback)
        + web(MASQ_A, MASQ_B, check="checktype = on", also=fallback, vip=VIPS[1])
        + web(MASQ_A, MASQ_B, check="checktype = off", also=f"quiescent = yes\n{fallback}", vip=VIPS[2])
    )
    run.wait_for_checks()
    table = {WEB: {SORRY: 1}, SHOP: {A: 1, B: 1}, BLOG: {A: 0, B: 0, SORRY: 1}}
    run.checkpoint("out, in, and at weight 0", table, log=START)


def udp_by_pings(run: Run) -> None:
    reals = f"    real = {FIRST}:53 masq\n    real = {SECOND}:53 masq\n"
    run.start(f"virtual = {VIP}:53\n{reals}    protocol = udp\n    checktype = connect\n")
    service = f"UDP {VIP}:53"
    run.checkpoint("all up", {service: {f"{FIRST}:53": 1, f"{SECOND}:53": 1}}, log=START)
    run.farm.drop_packets(FIRST)
    run.checkpoint("one down", {service: {f"{SECOND}:53": 1}})
    run.farm.restore_network()
    run.checkpoint("back", {service: {f"{FIRST}:53": 1, f"{SECOND}:53": 1}}, log=RESET)


def checked_by_a_program(run: Run) -> None:
    program = run.script("check", f'echo "$@" >>$OUT\n[ ! -e {run.folder}/down-$3 ]')
    down = run.folder / f"down-{FIRST}"
    run.start(web(MASQ_A, MASQ_B, check=f'checktype = external\ncheckcommand = "{program}"'))
    run.wait_for_checks()
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    down.touch()
    run.wait_for_checks()
    run.checkpoint("one down", {WEB: {B: 1}})
    down.unlink()
    run.wait_for_checks()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=RESET)


def combined(run: Run) -> None:
    run.start(web(MASQ_A, MASQ_B, check=f"checktype = 2\n{HTTP}", also=f"fallback = {SORRY} masq"))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.fail_health()
    run.checkpoint("sick pages", {WEB: {SORRY: 1}})
    run.farm.restore_health()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=RESET)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("one refuses", {WEB: {B: 1}})


SCENARIOS: tuple[Scenario, ...] = (
    without_checks,
    checked_by_a_program,
    udp_by_pings,
    combined,
)
