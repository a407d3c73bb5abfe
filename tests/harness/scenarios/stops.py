"""Ends of the daemon, and starts over the table that it left."""

from __future__ import annotations

from harness.race import Run, Scenario
from harness.scenarios.words import FIRST, MASQ_A, MASQ_B, START, WEB, A, B, web


def a_stop_that_leaves_the_table(run: Run) -> None:
    text = "cleanstop = no\nquiescent = yes\n" + web(MASQ_A, MASQ_B)
    run.start(text)
    run.point("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.daemon.stop()
    run.point("stopped", {WEB: {A: 1, B: 1}})
    run.farm.refuse(FIRST)
    run.start(text)
    run.point("started again", {WEB: {A: 0, B: 1}}, log=START)


SCENARIOS: tuple[Scenario, ...] = (a_stop_that_leaves_the_table,)
