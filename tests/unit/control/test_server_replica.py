"""A replica of the servers of a daemon: rows, results, connections and ages, as its answers change them."""

from __future__ import annotations

from typing import Any

import pytest

from harness.watch_answers import real, replica, update, virtual, whole
from ldirectord_py.control.server_replica import ServerReplica

TWO = "10.0.0.2:80"


def reals(servers: ServerReplica) -> list[dict[str, Any]]:
    assert servers.answer
    found: list[dict[str, Any]] = servers.answer["virtuals"][0]["reals"]
    return found


def test_a_first_answer_is_taken_as_it_is() -> None:
    servers = ServerReplica()
    assert servers.apply(update(), 0.0) is None
    assert servers.answer is None
    changes = servers.apply(whole(real(), real(TWO, 1)), 10.0)
    assert changes
    assert changes.everything
    assert [each["real"] for each in reals(servers)] == ["10.0.0.1:80", TWO]
    assert (servers.result_at(1), servers.updated_at) == (9.0, 10.0)


def test_an_answer_that_is_no_update_changes_nothing() -> None:
    servers = replica(real())
    assert servers.apply({"ok": True}, 1.0) is None
    assert reals(servers) == [real()]


def test_a_row_replaces_that_of_its_server() -> None:
    servers = replica(real(), real(TWO, 1))
    changes = servers.apply(update(real(TWO, 1, up=False, age=0.25)), 5.0)
    assert changes
    assert changes.reals == [1]
    assert [each["observed"]["up"] for each in reals(servers)] == [True, False]
    assert servers.result_at(1) == 4.75


def test_a_result_changes_latency_and_age_only() -> None:
    servers = replica(real(), real(TWO, 1))
    changes = servers.apply(update(results=(1, 500, 12500)), 5.0)
    assert changes
    assert (changes.results, changes.reals) == ([1], [])
    servers.set_ages(7.0, 1_000_000_000.0)
    first, second = (each["observed"] for each in reals(servers))
    assert (second["latency"], second["age"], second["at"]) == (0.0125, 2.5, "2001-09-09T01:46:37.500Z")
    assert (first["latency"], first["age"]) == (0.0123, 8.0)


def test_a_result_ends_being_overdue() -> None:
    servers = replica({**real(overdue=True), "trouble": ["overdue", "failing"]})
    changes = servers.apply(update(results=(0, 0, 1000)), 5.0)
    assert changes
    assert (changes.reals, reals(servers)[0]["trouble"], reals(servers)[0]["observed"]["overdue"]) == (
        [0],
        ["failing"],
        False,
    )
    servers = replica({**real(overdue=True), "trouble": ["overdue"]}, which="trouble")
    servers.apply(update(results=(0, 0, 1000)), 5.0)
    assert reals(servers) == []
    servers.set_ages(6.0, 6.0)


def test_connections_change_those_alone() -> None:
    servers = replica(real(), {**real(TWO, 1), "kernel": None})
    changes = servers.apply(update(connections=(0, 1, 2, 3, 1, 4, 5, 6)), 5.0)
    assert changes
    assert changes.connections == [0]
    assert reals(servers)[0]["kernel"] == {"weight": 1, "active": 1, "inactive": 2, "persistent": 3}
    assert reals(servers)[1]["kernel"] is None


def test_a_virtual_keeps_its_servers() -> None:
    servers = replica(real())
    fields = {**virtual(), "up": 0, "trouble": ["outage"]}
    del fields["reals"]
    changes = servers.apply(update(virtuals=[fields]), 5.0)
    assert changes
    assert changes.virtuals == ["tcp:192.0.2.1:80"]
    assert servers.virtual("tcp:192.0.2.1:80")["trouble"] == ["outage"]
    assert reals(servers) == [real()]


def test_only_those_in_trouble_are_kept_where_they_are_wanted() -> None:
    servers = replica(which="trouble")
    servers.apply(update(real(up=False), real(TWO, 1)), 1.0)
    assert [each["number"] for each in reals(servers)] == [0]
    servers.apply(update(real(), real(TWO, 1, up=False), results=(0, 0, 5, 7, 0, 5)), 2.0)
    assert [each["number"] for each in reals(servers)] == [1]
    assert servers.result_at(0) is None


def test_a_server_without_a_result_has_no_age() -> None:
    servers = replica(real(age=None, at=None))
    servers.set_ages(5.0, 5.0)
    assert reals(servers)[0]["observed"]["age"] is None


@pytest.mark.parametrize("which", ["all", "trouble"])
def test_another_configuration_replaces_everything(which: str) -> None:
    servers = replica(real(), which=which)
    servers.apply(whole(real(TWO, 0, up=False)), 1.0)
    assert [each["real"] for each in reals(servers)] == [TWO]
    assert list(servers.reals) == [0]
