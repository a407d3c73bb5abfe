"""What went wrong since the start, in one line."""

from __future__ import annotations

from typing import Any

from harness.shown import COUNTS
from ldirectord_py.cli.output.incident_counts import incidents_line


def counted(**counts: Any) -> str:
    return incidents_line({"counts": {**COUNTS, **counts}})


def test_nothing_is_said_of_what_did_not_happen() -> None:
    assert counted() == ""


def test_nothing_is_said_of_an_older_daemon() -> None:
    assert incidents_line({}) == ""


def test_each_count_has_its_words() -> None:
    lost = {"log_lines": 1, "monitorfile_lines": 2, "mails": 3, "notifications": 4}
    said = counted(
        no_verdict={"http": 2, "dns": 1},
        stalls=1,
        stalled_seconds=0.25,
        repeated_probes=2,
        flaps=1,
        panics=1,
        self_doubts=1,
        lost=lost,
    )
    assert said == (
        "Since the start: 3 results without a verdict (dns 1, http 2), 1 stall of this host (0.2 s), "
        "2 repeated probes, 1 flap, 1 panic, 1 self-doubt, "
        "1 log line lost, 2 monitorfile lines lost, 3 mails lost, 4 notifications lost"
    )
