"""Kinds of virtuals and of checks: marks, ranges, IPv6, thresholds, without checks, by a program."""

from __future__ import annotations

from harness.bench import FOUR, VIP, VIP6
from harness.race import Run, Scenario
from harness.scenarios.words import (
    A6,
    B6,
    FIRST,
    MARK,
    MASQ_A,
    MASQ_B,
    RESET,
    SECOND,
    SORRY,
    SORRY6,
    START,
    THIRD,
    WEB,
    WEB6,
    A,
    B,
    C,
    web,
)


def a_firewall_mark(run: Run) -> None:
    reals = f"    real = {FIRST} gate 2\n    real = {SECOND} ipip 3\n"
    run.start(f"virtual = 7\n{reals}    fallback = {SORRY} masq\n    checktype = connect\n    checkport = 80\n")
    run.point("all up", {MARK: {f"{FIRST}:0": 2, f"{SECOND}:0": 3}}, log=START)
    run.farm.refuse(FIRST)
    run.point("one down", {MARK: {f"{SECOND}:0": 3}})
    run.farm.refuse(SECOND)
    run.point("all down", {MARK: {SORRY: 1}})
    run.farm.heal()
    run.point("back", {MARK: {f"{FIRST}:0": 2, f"{SECOND}:0": 3}}, log=RESET)


def a_range(run: Run) -> None:
    run.start("quiescent = yes\n" + web(f"{FIRST}->{THIRD}:80 masq 2"))
    run.point("all up", {WEB: {A: 2, B: 2, C: 2}}, log=START)
    run.farm.refuse(SECOND)
    run.point("one down", {WEB: {A: 2, B: 0, C: 2}})
    run.farm.heal()
    run.point("back", {WEB: {A: 2, B: 2, C: 2}}, log=RESET)


def ipv6(run: Run) -> None:
    six = run.farm.addresses[len(FOUR)]
    reals = "".join(f"    real6 = {server} masq\n" for server in (A6, B6))
    run.start(f"virtual6 = [{VIP6}]:80\n{reals}    fallback6 = {SORRY6} masq\n    checktype = connect\n")
    run.point("all up", {WEB6: {A6: 1, B6: 1}}, log=START)
    run.farm.refuse(six)
    run.point("one down", {WEB6: {B6: 1}})
    run.farm.refuse(*run.farm.addresses[len(FOUR) + 1 :])
    run.point("all down", {WEB6: {SORRY6: 1}})
    run.farm.heal()
    run.point("back", {WEB6: {A6: 1, B6: 1}}, log=RESET)


def thresholds(run: Run) -> None:
    run.start(web(f"{A} masq 2 l:5 u:10", f"{B} masq 1"))
    run.point("all up", {WEB: {A: 2, B: 1}}, log=START)
    run.farm.refuse(FIRST)
    run.point("one down", {WEB: {B: 1}})
    run.farm.heal()
    run.point("back", {WEB: {A: 2, B: 1}}, log=RESET)


def gate_and_ipip(run: Run) -> None:
    run.start("quiescent = yes\n" + web(f"{A} gate 2", f"{B} ipip 3"))
    run.point("all up", {WEB: {A: 2, B: 3}}, log=START)
    run.farm.refuse(FIRST, SECOND)
    run.point("all down", {WEB: {A: 0, B: 0}})
    run.farm.heal()
    run.point("back", {WEB: {A: 2, B: 3}}, log=RESET)


def without_checks_and_out(run: Run) -> None:
    run.start(web(MASQ_A, MASQ_B, check="checktype = off", also=f"fallback = {SORRY} masq"))
    run.rounds()
    run.point("the fallback alone", {WEB: {SORRY: 1}}, log=START)


def without_checks_and_in(run: Run) -> None:
    run.farm.refuse(FIRST)
    run.start(web(MASQ_A, MASQ_B, check="checktype = on", also=f"fallback = {SORRY} masq"))
    run.rounds()
    run.point("all in", {WEB: {A: 1, B: 1}}, log=START)


def udp_by_pings(run: Run) -> None:
    reals = f"    real = {FIRST}:53 masq\n    real = {SECOND}:53 masq\n"
    run.start(f"virtual = {VIP}:53\n{reals}    protocol = udp\n    checktype = connect\n")
    service = f"UDP {VIP}:53"
    run.point("all up", {service: {f"{FIRST}:53": 1, f"{SECOND}:53": 1}}, log=START)
    run.farm.darken(FIRST)
    run.point("one down", {service: {f"{SECOND}:53": 1}})
    run.farm.heal()
    run.point("back", {service: {f"{FIRST}:53": 1, f"{SECOND}:53": 1}}, log=RESET)


def checked_by_a_program(run: Run) -> None:
    program = run.script("check", f'echo "$@" >>$OUT\n[ ! -e {run.folder}/down-$3 ]')
    down = run.folder / f"down-{FIRST}"
    run.start(web(MASQ_A, MASQ_B, check=f'checktype = external\ncheckcommand = "{program}"'))
    run.rounds()
    run.point("all up", {WEB: {A: 1, B: 1}}, log=START)
    down.touch()
    run.rounds()
    run.point("one down", {WEB: {B: 1}})
    down.unlink()
    run.rounds()
    run.point("back", {WEB: {A: 1, B: 1}}, log=RESET)


SCENARIOS: tuple[Scenario, ...] = (
    without_checks_and_out,
    checked_by_a_program,
    a_firewall_mark,
    a_range,
    ipv6,
    thresholds,
    gate_and_ipip,
    without_checks_and_in,
    udp_by_pings,
)
