"""Each event has one form in JSON, the same everywhere, and no secret is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import config, down, fallback, real, service_key, up, verdict_on, virtual
from contract.tables import tables
from ldirectord_py.administration import AdministrativeState, Decision, entry_of
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.refusal import refused
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Row, Service, Table, Tunnel
from ldirectord_py.report.event_fields import EVENTS, event_fields, event_name, virtual_of
from ldirectord_py.report.events import (
    Administered,
    Checked,
    ConfigInForce,
    Drifted,
    Event,
    Flapping,
    HostStalled,
    KernelFound,
    KernelLost,
    NotWritten,
    Outage,
    Panic,
    Phase,
    Probed,
    ReloadRefused,
    ReportsLost,
    Role,
    SelfDoubted,
    Unjudged,
    Unresolved,
    Written,
)
from ldirectord_py.report.lost import LostReports
from ldirectord_py.report.wording import line

SECRET = "hunter2"
SECRETS: dict[str, Any] = dict.fromkeys(("login", "passwd", "secret", "database"), SECRET)
SERVER = real("10.1.0.1:80", name="web1.example.com")
WEB = virtual("10.0.0.1:80", SERVER, servicename="shop", failurecount=3, fallback=fallback("127.0.0.1:80"), **SECRETS)
CHECK = Check("pgsql", Target(SERVER.server, 80, 5.0, **SECRETS), 10.0)
UP, DOWN = HealthState(up=True, successes=1), HealthState(failures=3)
FELL = verdict_on(
    WEB, SERVER, Transition(HealthState(up=True, failures=2), DOWN), "connect refused", code=ReasonCode.L4CON
)
WEIGHED = Destination(DestinationKey(WEB.key, SERVER.server, 80), ForwardMethod.MASQUERADE, 5)
QUIESCED = WEIGHED._replace(weight=0)


def checked(before: HealthState, after: HealthState) -> Checked:
    return verdict_on(WEB, SERVER, Transition(before, after), "ok")


BY_ALICE = Decision("alice", 1_700_000_000.0, "new kernel", 1_700_000_060.5)
DRAINED = entry_of(WEB, SERVER, AdministrativeState.DRAIN, BY_ALICE)
DISABLED = entry_of(WEB, SERVER, AdministrativeState.DISABLED, BY_ALICE)


EXAMPLES: Mapping[str, Event] = {
    "server-up": checked(DOWN, UP),
    "server-down": FELL,
    "soft-failure": checked(UP, HealthState(up=True, failures=1)),
    "soft-failures-over": checked(HealthState(up=True, failures=1), UP),
    "checked": checked(DOWN, HealthState(successes=1)),
    "probed": Probed(WEB, SERVER, down()),
    "server-drained": Administered(WEB, SERVER, None, DRAINED),
    "server-disabled": Administered(WEB, SERVER, DRAINED, DISABLED),
    "server-ready": Administered(WEB, SERVER, DISABLED, None),
    "server-flapping": Flapping(WEB, SERVER, 6),
    "server-steady": Flapping(WEB, SERVER, 0, over=True),
    "panic-began": Panic(WEB, 1, 4),
    "panic-over": Panic(WEB, 2, 4, began=False),
    "self-doubt-began": SelfDoubted(9, 10),
    "self-doubt-over": SelfDoubted(9, 10, over=True, still=tuple(f"10.1.0.{n}" for n in range(30))),
    "host-stalled": HostStalled(3, 1.25, 2),
    "reports-lost": ReportsLost(LostReports(mails=2)),
    "checks-unjudged": Unjudged(CHECK, "too many open files"),
    "checks-judged": Unjudged(CHECK, "too many open files", 3, 2, over=True),
    "row-added": Written(Op(Verb.ADD, WEIGHED), None, Role.REAL, Phase.START, None, WEB),
    "row-changed": Written(Op(Verb.EDIT, QUIESCED), WEIGHED, Role.REAL, Phase.RUN, FELL, WEB),
    "row-removed": Written(Op(Verb.DELETE, WEIGHED), WEIGHED, Role.UNKNOWN, Phase.STOP),
    "row-refused": NotWritten(refused(Op(Verb.ADD, Service(WEB.key, "mh")), 2)),
    "drift-repaired": Drifted(WEIGHED, None, repaired=True),
    "drift-accepted": Drifted(WEIGHED, QUIESCED, repaired=False),
    "names-unresolved": Unresolved(WEB, tuple(f"web{n}.example.com" for n in range(30)), (WEIGHED.key,), ()),
    "kernel-lost": KernelLost("no module ip_vs"),
    "kernel-found": KernelFound(),
    "outage-began": Outage(WEB, began=True),
    "outage-over": Outage(WEB, began=False),
    "configuration-in-force": ConfigInForce(config(WEB)),
    "configuration-refused": ReloadRefused(tuple(f"web.cf:{n}:1: odd; correct it" for n in range(30))),
}


def fields(event: Event) -> dict[str, Any]:
    found = event_fields(event, 1_700_000_000.123)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_every_event_and_every_name_has_an_example() -> None:
    assert set(EXAMPLES) == set(EVENTS)
    assert {type(event) for event in EXAMPLES.values()} == set(get_args(Event))


@pytest.mark.parametrize(("name", "event"), EXAMPLES.items())
def test_each_event_has_its_name_its_time_and_the_text_of_the_log(name: str, event: Event) -> None:
    found = fields(event)
    assert (found["event"], found["time"]) == (name, "2023-11-14T22:13:20.123Z")
    assert found["message"]
    assert found["message"] == (line(event) or found["message"])


@pytest.mark.parametrize("event", EXAMPLES.values())
def test_F51_no_secret_is_in_any_event(event: Event) -> None:
    assert SECRET not in json.dumps(fields(event))


def test_a_server_that_an_operator_drains() -> None:
    found = fields(EXAMPLES["server-drained"])
    assert {name: found[name] for name in ("who", "why", "until", "state", "state_before", "real")} == {
        "who": "alice",
        "why": "new kernel",
        "until": "2023-11-14T22:14:20.500Z",
        "state": "drain",
        "state_before": "ready",
        "real": "10.1.0.1:80",
    }
    ended = fields(Administered(WEB, SERVER, DRAINED, None))
    assert (ended["who"], ended["state"], ended["until"]) == ("ldirectord", "ready", None)


def test_a_server_that_goes_down() -> None:
    assert fields(FELL) == {
        "event": "server-down",
        "time": "2023-11-14T22:13:20.123Z",
        "message": "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is down: connect refused",
        "virtual": "tcp:10.0.0.1:80",
        "servicename": "shop",
        "real": "10.1.0.1:80",
        "name": "web1.example.com",
        "code": "L4CON",
        "reason": "connect refused",
        "phase": "run",
        "up": False,
        "failures": 3,
        "failurecount": 3,
        "successes": 0,
        "successcount": 1,
    }


def test_a_row_with_its_weights_and_its_cause() -> None:
    found = fields(EXAMPLES["row-changed"])
    assert (found["weight_before"], found["weight_after"], found["role"]) == (5, 0, "real")
    assert found["command"] == "ipvsadm -e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 0"
    assert (found["cause"]["event"], found["cause"]["reason"]) == ("server-down", "connect refused")


def test_a_row_that_was_removed_has_no_weight_after_it() -> None:
    found = fields(EXAMPLES["row-removed"])
    assert (found["weight_before"], found["weight_after"], found["phase"], found["cause"]) == (5, None, "stop", None)


def test_a_service_is_the_row_of_a_virtual() -> None:
    found = fields(Written(Op(Verb.ADD, Service(WEB.key, "rr")), None, Role.UNKNOWN, Phase.START, None, WEB))
    assert (found["role"], found["virtual"], found["real"]) == ("virtual", "tcp:10.0.0.1:80", None)


def test_drift_has_both_rows_as_ipvsadm_writes_them() -> None:
    found = fields(EXAMPLES["drift-accepted"])
    assert (found["weight_before"], found["weight_found"]) == (5, 0)
    assert found["before"] == "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5"
    assert fields(EXAMPLES["drift-repaired"])["found"] is None


def test_a_tunnel_that_ipvsadm_has_no_words_for() -> None:
    odd = WEIGHED._replace(forward=ForwardMethod.TUNNEL, tunnel=Tunnel(7, 6080, 9))
    assert fields(Drifted(WEIGHED, odd, repaired=True))["found"].endswith("-i -w 5 --tun-type 7 --tun-port 6080")


def test_lists_are_short_and_counted() -> None:
    found = fields(EXAMPLES["names-unresolved"])
    assert (len(found["names"]), found["checked"], found["unchecked"]) == (10, 1, 0)


def test_a_refused_configuration_has_its_first_errors() -> None:
    found = fields(EXAMPLES["configuration-refused"])
    assert (found["reasons"][0], len(found["reasons"])) == ("web.cf:0:1: odd; correct it", 10)
    assert found["message"].endswith("web.cf:9:1: odd; correct it and 20 more")


@pytest.mark.parametrize("event", EXAMPLES.values())
def test_the_virtual_of_an_event_is_that_of_its_fields(event: Event) -> None:
    assert virtual_of(event) == fields(event).get("virtual")


def test_a_first_failure_is_a_server_that_is_down() -> None:
    assert event_name(checked(HealthState(), HealthState(failures=1))) == "server-down"


def test_a_firewall_mark_has_the_name_of_its_virtual() -> None:
    odd = Destination(DestinationKey(service_key(7), SERVER.server, 0), ForwardMethod.ROUTE, 1)
    assert fields(Drifted(None, odd, repaired=True))["virtual"] == "fwm:7"


def test_a_probe_has_its_verdict_and_how_long_it_took() -> None:
    found = fields(Probed(WEB, SERVER, up()))
    assert (found["verdict"], found["reason"], found["seconds"]) == ("up", "ok", 0.01)


@given(tables(), st.sampled_from(Verb))
def test_every_row_has_a_form(table: Table, verb: Verb) -> None:
    rows: list[Row] = list(table.values())
    for row in rows:
        written = fields(Written(Op(verb, row), row, Role.UNKNOWN, Phase.RUN))
        assert written["virtual"] == fields(Drifted(row, row, repaired=True))["virtual"]
