"""The texts of a row: states in words and shapes, troubles in order, who did what, and nothing that is not there."""

from __future__ import annotations

from typing import Any

import pytest

from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.trouble import WORST_FIRST
from ldirectord_py.web.rows import MARKS, server_row, virtual_row

OBSERVED = {
    "up": True,
    "since": None,
    "code": "L4OK",
    "reason": "connected",
    "failures": 0,
    "failurecount": 3,
    "successes": 0,
    "successcount": 2,
    "rising": None,
    "certificate_end": None,
}
READY = {"state": "ready", "who": None, "since": None, "why": None, "until": None}


def server(administrative: dict[str, Any] | None = None, **observed: Any) -> dict[str, Any]:
    return {
        "real": "10.0.0.1:80",
        "name": "web1:80",
        "configured": {"weight": 5, "forward": "gate"},
        "administrative": {**READY, **(administrative or {})},
        "observed": {**OBSERVED, **observed},
        "kernel": {"weight": 5},
        "disagrees": [],
    }


VIRTUAL: dict[str, Any] = {
    "virtual": "fwm:1",
    "servicename": "shop",
    "up": 0,
    "total": 2,
    "trouble": ["outage"],
    "configured": {"scheduler": "wlc", "checktype": "negotiate", "service": "http", "unresolved": 0},
    "fallback": {"server": "127.0.0.1:80", "used": True},
    "others": [{"real": "10.0.0.9:80", "kernel": {"active": 3}}],
}


@pytest.mark.parametrize(("up", "state"), [(True, "up"), (False, "down"), (None, "unknown")])
def test_the_state_of_a_server_is_what_its_checks_say(up: bool | None, state: str) -> None:
    row = server_row(server(up=up), ())
    assert (row["state"], row["mark"], row["word"]) == (state, MARKS[state], state)


def test_what_an_operator_said_comes_first_and_is_told() -> None:
    drained = {"state": "drain", "who": "root", "why": "kernel update", "until": "2026-11-28T09:00:00.000Z"}
    row = server_row(server(drained, up=False), ("down", "drain"))
    assert (row["state"], row["word"], row["hurts"]) == ("drain", "draining", "down")
    assert (row["note"], row["until"]) == ("draining by root: kernel update", "2026-11-28T09:00:00.000Z")
    assert server_row(server(), ())["until"] == ""


def test_a_state_that_an_operator_wanted_is_as_old_as_the_decision() -> None:
    drained = {"state": "drain", "who": "root", "since": "2026-11-28T09:00:00.000Z"}
    assert server_row(server(drained, since="2026-11-20T01:00:00.000Z"), ())["since"] == "2026-11-28T09:00:00.000Z"
    assert server_row(server(since="2026-11-20T01:00:00.000Z"), ())["since"] == "2026-11-20T01:00:00.000Z"
    maintained = {"state": "maintenance", "who": "maintenancedir"}
    assert server_row(server(maintained, since="2026-11-20T01:00:00.000Z"), ())["since"] == ""


@pytest.mark.parametrize(("code", "meaning"), [("L4CON", ReasonCode.L4CON.meaning), ("L9XYZ", ""), (None, "")])
def test_codes_have_meanings(code: str | None, meaning: str) -> None:
    assert server_row(server(code=code), ())["meaning"] == meaning


def test_what_hurts_most_ranks_first() -> None:
    row = server_row(server(), ("unknown", "disagrees", "flapping"))
    assert row["troubles"] == "flapping disagrees unknown"
    assert row["hurts"] == "flapping, kernel disagrees, unknown"
    assert row["rank"] == str(WORST_FIRST.index("flapping"))
    assert server_row(server(), ())["rank"] == str(len(WORST_FIRST))


def test_the_end_of_a_certificate_is_there_and_ranks_before_what_operators_did() -> None:
    end = "2027-01-15T08:00:00.000Z"
    assert server_row(server(), ())["certificate"] == ""
    row = server_row(server(certificate_end=end), ("drain", "certificate"))
    assert (row["certificate"], row["hurts"]) == (end, "certificate near its end, draining")
    assert row["rank"] == str(WORST_FIRST.index("certificate"))


def test_counts_say_how_far_a_server_is_from_another_state() -> None:
    assert server_row(server(failures=2), ())["counts"] == "2 of 3 failures"
    assert server_row(server(up=False, failures=0, successes=1), ())["counts"] == "1 of 2 successes"
    assert server_row(server(), ())["counts"] == ""


def test_a_long_reason_is_cut() -> None:
    assert len(server_row(server(reason="x" * 5000), ())["reason"]) == 300


def test_a_server_without_a_row_in_the_kernel_has_no_weight() -> None:
    assert server_row({**server(), "kernel": None}, ())["weight"] == "\u2013"


@pytest.mark.parametrize(
    ("checktype", "words"), [("negotiate", "negotiate http"), ("3", "3 http"), ("connect", "connect"), ("on", "on")]
)
def test_a_virtual_tells_its_service_where_that_is_checked(checktype: str, words: str) -> None:
    configured = {**VIRTUAL["configured"], "checktype": checktype}
    assert virtual_row({**VIRTUAL, "configured": configured})["about"] == f"wlc, {words}"


def test_a_virtual_tells_how_many_of_its_servers_have_no_address() -> None:
    configured = {**VIRTUAL["configured"], "unresolved": 1}
    assert virtual_row({**VIRTUAL, "configured": configured})["up"] == "0 of 2 up, 1 name without an address"


def test_a_virtual_tells_its_fallback_and_what_leaves() -> None:
    row = virtual_row(VIRTUAL)
    assert (row["name"], row["address"], row["up"]) == ("shop", "fwm:1", "0 of 2 up")
    assert row["hurts"] == "no server up"
    assert row["fallback"] == "fallback 127.0.0.1:80 in use"
    assert row["leaving"] == "leaving: 10.0.0.9:80 (3 active)"


def test_a_weight_that_rises_is_told() -> None:
    assert server_row(server(rising=3), ())["counts"] == "weight rises, 3 of 10"
    assert server_row(server(rising=3, failures=1), ())["counts"] == "1 of 3 failures"
