"""A daemon that is soaked begins with histories that grow no more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from builders import config, real, virtual
from ldirectord_py.daemon.history.journal import MAX_ENTRIES, Journal
from ldirectord_py.daemon.history.transitions import KEPT_TRANSITIONS, TransitionHistory
from ldirectord_py.desired import real_key
from soak.full_histories import HANGING_PORT, TLS_PORT, fill


def test_the_journal_is_full_and_each_server_that_flaps_has_all_transitions() -> None:
    servers = [real(f"192.0.2.1:{port}") for port in (80, HANGING_PORT, TLS_PORT)]
    site = virtual("192.0.2.100:80", *servers)
    daemon: Any = SimpleNamespace(journal=Journal(), transitions=TransitionHistory())
    fill(daemon, config(site))
    assert len(daemon.journal.since(0)) == MAX_ENTRIES
    kept = [len(daemon.transitions.transitions(real_key(site, server))) for server in servers]
    assert kept == [0, KEPT_TRANSITIONS, KEPT_TRANSITIONS]
