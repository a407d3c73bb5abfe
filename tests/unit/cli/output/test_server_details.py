"""One server of ``show`` as text: all four columns, its results and its transitions."""

from __future__ import annotations

from typing import Any

from harness.shown import BROKEN, READY, answer, real
from ldirectord_py.cli.output.server_details import detail_lines
from ldirectord_py.cli.output.table_layout import Layout


def detailed(fields: dict[str, Any]) -> dict[str, Any]:
    result = {name: fields["observed"][name] for name in ("at", "age", "verdict", "code", "reason", "latency")}
    transition = {"at": "2026-11-28T03:12:45.000Z", "age": 135.0, "up": False, "code": "L4CON", "reason": "refused"}
    return {**fields, "results": [result], "transitions": [transition]}


def test_one_server_with_its_results_and_transitions() -> None:
    text = "\n".join(detail_lines(detailed({**BROKEN, "name": "web2"}), answer(), Layout()))
    for part in (
        "tcp:10.0.0.1:80/10.1.0.2:80 (web2)",
        "configured      weight 2, masq; negotiate http, checked every 10 s",
        "administrative  ready",
        ": L4CON connect refused; last result 4s ago, in 12ms; 3 of 3 failures",
        "kernel          no row",
        "down   L4CON       12ms  connect refused",
        "down   L4CON     refused",
    ):
        assert part in text


def test_one_server_that_disagrees_and_of_which_nothing_is_known_yet() -> None:
    unknown = {"up": None, "since": None, "age": None, "verdict": None, "code": None, "latency": None, "reason": None}
    drained = {**READY, "state": "drain", "who": "alice"}
    found = real(observed=unknown, disagrees=["not in the kernel"], administrative=drained)
    text = "\n".join(detail_lines({**found, "results": [], "transitions": []}, answer(), Layout()))
    for part in (
        "DISAGREES       not in the kernel",
        "observed        unknown; no result so far",
        "administrative  drained by alice",
        "kernel          weight 2, 12 active and 3 inactive connections",
        "no transition since the daemon has it",
    ):
        assert part in text
    unread = "\n".join(detail_lines({**found, "results": [], "transitions": []}, answer(error="no IPVS"), Layout()))
    assert "kernel          unknown: no IPVS" in unread


def test_nothing_that_a_server_sends_reaches_the_terminal_as_a_command() -> None:
    evil = real(observed={"reason": "200\x1b]0;owned\x07\nOK"}, name="web\x1b[2J", disagrees=["\x1b[31m"])
    shown = list(detail_lines(detailed(evil), answer(), Layout()))
    assert not any(letter in line for line in shown for letter in "\x1b\x07\n")


def test_the_end_of_a_certificate_if_there_is_one() -> None:
    found = detailed(real(observed={"certificate_end": "9999-12-30T00:00:00.000Z"}))
    assert any(line.startswith("  certificate     ends 9999-12-") for line in detail_lines(found, answer(), Layout()))
    assert not any("certificate" in line for line in detail_lines(detailed(real()), answer(), Layout()))


def test_a_server_without_a_check_has_no_interval() -> None:
    found = detailed(real(configured={**real()["configured"], "checktype": "on", "upper": 9}))
    assert "  configured      weight 2, masq, upper 9; on" in list(detail_lines(found, answer(), Layout()))


def test_colours_come_only_if_wanted() -> None:
    shown = list(detail_lines(detailed(BROKEN), answer(), Layout(colour=True)))
    assert any("\x1b[31m" in line for line in shown)
