"""Kinds of virtuals and of their rows: marks, ranges, IPv6, thresholds, schedulers."""

from __future__ import annotations

from harness.comparison.farm_network import FOUR, VIP6, VIPS
from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import (
    A6,
    B6,
    FIRST,
    LAST,
    MARK,
    MARK6,
    MASQ_A,
    MASQ_B,
    RESET,
    SECOND,
    SHOP,
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


def marks_ranges_and_methods(run: Run) -> None:
    mark = f"    real = {FIRST} gate 2\n    real = {SECOND} ipip 3\n    fallback = {SORRY} masq\n    checkport = 80\n"
    quiescent = "quiescent = yes"
    run.start(
        f"virtual = 7\n{mark}    checktype = connect\n"
        + web(f"{FIRST}->{THIRD}:80 masq 2", also=quiescent)
        + web(f"{A} gate 2", f"{B} ipip 3", also=quiescent, vip=VIPS[1])
    )
    first, second = {f"{FIRST}:0": 2}, {f"{SECOND}:0": 3}
    up = {MARK: first | second, WEB: {A: 2, B: 2, C: 2}, SHOP: {A: 2, B: 3}}
    run.checkpoint("all up", up, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("one down", {MARK: second, WEB: {A: 0, B: 2, C: 2}, SHOP: {A: 0, B: 3}})
    run.farm.refuse_connections(SECOND)
    run.checkpoint("two down", {MARK: {SORRY: 1}, WEB: {A: 0, B: 0, C: 2}, SHOP: {A: 0, B: 0}})
    run.farm.restore_network()
    run.checkpoint("back", up, log=RESET)


def ipv6(run: Run) -> None:
    one, two, *others = run.farm.addresses[len(FOUR) :]
    reals = "".join(f"    real6 = {server} masq\n" for server in (A6, B6))
    marked = f"    real6 = [{one}] gate 2\n    real6 = [{two}] gate 3\n    checkport = 80\n"
    rest = f"    fallback6 = {SORRY6} masq\n    checktype = connect\n"
    run.start(f"virtual6 = [{VIP6}]:80\n{reals}{rest}virtual6 = 8\n{marked}{rest}")
    up = {WEB6: {A6: 1, B6: 1}, MARK6: {f"[{one}]:0": 2, f"[{two}]:0": 3}}
    run.checkpoint("all up", up, log=START)
    run.farm.refuse_connections(one)
    run.checkpoint("one down", {WEB6: {B6: 1}, MARK6: {f"[{two}]:0": 3}})
    run.farm.refuse_connections(two, *others)
    run.checkpoint("all down", {WEB6: {SORRY6: 1}, MARK6: {SORRY6: 1}})
    run.farm.restore_network()
    run.checkpoint("back", up, log=RESET)


def thresholds(run: Run) -> None:
    run.start(web(f"{A} masq 2 l:5 u:10", f"{B} masq 1"))
    run.checkpoint("all up", {WEB: {A: 2, B: 1}}, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("one down", {WEB: {B: 1}})
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 2, B: 1}}, log=RESET)


def flags_of_a_scheduler(run: Run) -> None:
    run.start(web(MASQ_A, MASQ_B, also="scheduler = sh\nschedflags = sh-port,sh-fallback"))
    run.checkpoint("both", {WEB: {A: 1, B: 1}}, log=START)
    run.reload(web(MASQ_A, MASQ_B, also="scheduler = sh\nschedflags = sh-port"))
    run.checkpoint("one", {WEB: {A: 1, B: 1}})


def gate_on_another_port(run: Run) -> None:
    row = "A gate or ipip server on another port than the virtual's"
    run.start("quiescent = yes\n" + web(f"{FIRST}:8080 gate", MASQ_B, also="checkport = 80"))
    run.wait_for_checks()
    run.checkpoint("up", {WEB: {A: 0, B: 1}}, ours={WEB: {A: 1, B: 1}}, table=row, log=row)


def a_fallback_without_a_port(run: Run) -> None:
    row = "Fallback of a firewall mark without a port"
    run.farm.refuse_connections(FIRST)
    run.start(
        f"virtual = 7\n    real = {FIRST} gate\n    fallback = {LAST} gate\n    checkport = 80\n"
        "    checktype = connect\n"
    )
    run.wait_for_checks()
    run.checkpoint("down", {MARK: {f"{LAST}:0": 1}}, log=row)


def a_scheduler_that_the_kernel_lacks(run: Run) -> None:
    row = "A row that the kernel refuses (a scheduler that is missing, ...)"
    run.start(web(MASQ_A, also="scheduler = nosuch") + web(MASQ_B, vip=VIPS[1]))
    run.wait_for_checks()
    run.checkpoint("refused", {SHOP: {B: 1}}, log=row)
    run.assert_log(original="-s nosuch ) failed", ours="Kernel refused to add virtual server: 10.9.0.100:80")


SCENARIOS: tuple[Scenario, ...] = (
    marks_ranges_and_methods,
    ipv6,
    thresholds,
    gate_on_another_port,
    a_fallback_without_a_port,
    flags_of_a_scheduler,
    a_scheduler_that_the_kernel_lacks,
)
