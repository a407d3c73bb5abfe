"""Ends of the daemon, and starts over the table that it left."""

from __future__ import annotations

from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import FIRST, MASQ_A, MASQ_B, SECOND, START, WEB, A, B, web


def a_stop_that_leaves_the_table(run: Run) -> None:
    text = "cleanstop = no\nquiescent = yes\n" + web(MASQ_A, MASQ_B)
    run.start(text)
    run.point("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.daemon.stop()
    run.point("stopped", {WEB: {A: 1, B: 1}})
    run.farm.refuse(FIRST)
    run.start(text)
    run.point("started again", {WEB: {A: 0, B: 1}}, log=START)


def killed_and_started_again(run: Run) -> None:
    text = web(MASQ_A, MASQ_B)
    run.farm.refuse(FIRST)
    run.start(text)
    run.point("one down", {WEB: {B: 1}}, log=START)
    run.daemon.kill()
    run.point("killed", {WEB: {B: 1}})
    run.farm.heal()
    run.farm.refuse(SECOND)
    run.start(text)
    run.point("the other down", {WEB: {A: 1}}, log=START)


def asked_for_its_status(run: Run) -> None:
    run.start(web(MASQ_A))
    run.point("up", {WEB: {A: 1}}, log=START)
    run.daemon.command("status")
    run.point("asked", {WEB: {A: 1}}, log="What control commands log")


SCENARIOS: tuple[Scenario, ...] = (a_stop_that_leaves_the_table, killed_and_started_again, asked_for_its_status)
