"""Stops of the daemon, and starts with the table that it left."""

from __future__ import annotations

from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import FIRST, MASQ_A, MASQ_B, SECOND, START, WEB, A, B, web


def a_stop_that_leaves_the_table(run: Run) -> None:
    text = "cleanstop = no\nquiescent = yes\n" + web(MASQ_A, MASQ_B)
    run.start(text)
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.daemon.stop()
    run.checkpoint("stopped", {WEB: {A: 1, B: 1}})
    run.farm.refuse_connections(FIRST)
    run.start(text)
    run.checkpoint("started again", {WEB: {A: 0, B: 1}}, log=START)


def killed_and_started_again(run: Run) -> None:
    text = web(MASQ_A, MASQ_B)
    run.farm.refuse_connections(FIRST)
    run.start(text)
    run.checkpoint("one down", {WEB: {B: 1}}, log=START)
    run.daemon.kill()
    run.checkpoint("killed", {WEB: {B: 1}})
    run.farm.restore_network()
    run.farm.refuse_connections(SECOND)
    run.start(text)
    run.checkpoint("the other down", {WEB: {A: 1}}, log=START)


def asked_for_its_status(run: Run) -> None:
    run.start(web(MASQ_A))
    run.checkpoint("up", {WEB: {A: 1}}, log=START)
    run.daemon.command("status")
    run.checkpoint("asked", {WEB: {A: 1}}, log="What control commands log")


SCENARIOS: tuple[Scenario, ...] = (a_stop_that_leaves_the_table, killed_and_started_again, asked_for_its_status)
