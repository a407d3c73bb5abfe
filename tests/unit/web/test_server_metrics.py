"""The metrics of real servers."""

from __future__ import annotations

from typing import Any

import pytest

from harness.scraped import scraped, value, virtual
from harness.shown import BROKEN, READY, real

NAME = "tcp:10.0.0.1:80"
PREFIX = "ldirectord_real_"


def administered(state: str, since: str | None = "2026-11-28T03:12:45.000Z") -> dict[str, Any]:
    return {**READY, "state": state, "since": since}


def test_a_server_that_is_well() -> None:
    found = scraped(virtual(NAME, real(name="web1", observed={"transition_count": 7})))
    values = {
        name.removeprefix(PREFIX): value(found, name)
        for name in found
        if name.startswith(PREFIX) and len(found[name]) == 1
    }
    assert values == {
        "up": 1,
        "configured_weight": 2,
        "weight": 2,
        "connections_active": 12,
        "connections_inactive": 3,
        "persistent_clients": 0,
        "transitions_total": 7,
        "last_check_duration_seconds": 0.0123,
        "failures": 0,
        "overdue": 0,
        "disagrees": 0,
        "last_check_info": 1,
        "info": 1,
    }
    labels = {"virtual": NAME, "name": "web1", "service": "http", "checktype": "negotiate", "forward": "masq"}
    assert value(found, "ldirectord_real_info", **labels) == 1
    assert value(found, "ldirectord_real_last_check_info", code="L7OK") == 1


def test_all_its_series_have_the_labels_of_node_exporter() -> None:
    labels = {"local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark"}
    found = scraped(virtual(NAME, real()))
    more = {"ldirectord_real_state": {"state"}, "ldirectord_real_last_check_info": {"code"}}
    for name in (name for name in found if name.startswith(PREFIX) and name != "ldirectord_real_info"):
        for series in found[name]:
            assert {label for label, _ in series} == labels | more.get(name, set())


def test_a_server_without_a_row_in_the_kernel() -> None:
    found = scraped(virtual(NAME, BROKEN))
    assert value(found, "ldirectord_real_up") == 0
    assert value(found, "ldirectord_real_failures") == 3
    assert not found.keys() & {"ldirectord_real_weight", "ldirectord_real_connections_active"}


@pytest.mark.parametrize(
    ("fields", "observed", "state"),
    [
        ({}, {}, "up"),
        ({}, {"up": False}, "down"),
        ({}, {"up": None, "latency": None, "code": None}, "unknown"),
        ({"administrative": administered("drain")}, {"up": False}, "drain"),
        ({"administrative": administered("disabled")}, {}, "disabled"),
        ({"administrative": administered("maintenance", None)}, {"up": None}, "maintenance"),
    ],
)
def test_the_state_is_one_of_a_set(fields: dict[str, Any], observed: dict[str, Any], state: str) -> None:
    found = scraped(virtual(NAME, real(observed=observed, **fields)))
    assert len(found["ldirectord_real_state"]) == 6
    assert value(found, "ldirectord_real_state", state=state) == 1
    assert sum(found["ldirectord_real_state"].values()) == 1
    assert ("ldirectord_real_up" in found) is (observed.get("up", True) is not None)
    assert ("ldirectord_real_administered_timestamp_seconds" in found) is (state in {"drain", "disabled"})


def test_since_when_a_server_is_drained() -> None:
    found = scraped(virtual(NAME, real(administrative=administered("drain"))))
    assert value(found, "ldirectord_real_administered_timestamp_seconds") == 1795835565


def test_when_a_certificate_ends() -> None:
    name = "ldirectord_real_certificate_expiry_timestamp_seconds"
    assert name not in scraped(virtual(NAME, real()))
    found = scraped(virtual(NAME, real(observed={"certificate_end": "2027-01-15T08:00:00.000Z"})))
    assert value(found, name) == 1.8e9


def test_two_servers_of_one_row_are_one_series_that_of_the_server_that_is_up() -> None:
    down, up = (real(f"10.1.0.1:{port}", {"up": port == 81}, row="10.1.0.1:80") for port in (80, 81))
    for servers in ((down, up), (up, down)):
        found = scraped(virtual(NAME, *servers))
        assert value(found, "ldirectord_real_up") == 1
        assert value(found, "ldirectord_real_info", real="10.1.0.1:81") == 1


def test_hostile_names_are_one_label() -> None:
    name = 'a"} 1\nldirectord_up 7 #\\'
    found = scraped(virtual(NAME, real(name=name), servicename=name))
    assert value(found, "ldirectord_real_info", name=name) == 1
    assert value(found, "ldirectord_virtual_info", servicename=name) == 1
    assert value(found, "ldirectord_up") == 1
