"""What went wrong since the start, as ``show`` and ``counters`` say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import down, unjudged, up
from harness.running_daemon import running_daemon
from harness.shown import COUNTS
from ldirectord_py.daemon.probe_dispatcher import ProbeDispatcher
from ldirectord_py.daemon.probing.probe_counts import ProbeCounts
from ldirectord_py.report.lost import LostReports

SITE = """\
panic = 50
virtual = 192.0.2.1:80
    real = 10.1.0.1:80 masq
    service = http
virtual = 192.0.2.2:80
    real = 10.1.0.2:80 masq
    checktype = connect
"""


async def test_nothing_has_gone_wrong_at_the_start(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place:
        assert (await place.ask("show"))["counts"] == COUNTS


async def test_both_answers_say_what_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProbeDispatcher, "counts", ProbeCounts(2, 0.75, 3))
    async with running_daemon(tmp_path, SITE) as place:
        monkeypatch.setattr(place.daemon.control.context, "lost", lambda: LostReports(1, 2, 3, 4))
        for result in (up(), down(), unjudged(), unjudged()):
            await place.observe(result)
        found = {
            **COUNTS,
            "no_verdict": {"http": 2, "connect": 2},
            "stalls": 2,
            "stalled_seconds": 0.75,
            "repeated_probes": 3,
            "panics": 2,
            "lost": {"log_lines": 1, "monitorfile_lines": 2, "mails": 3, "notifications": 4},
        }
        assert (await place.ask("show"))["counts"] == found
        counters = await place.ask("counters")
        assert {name: counters[name] for name in found} == found


async def test_a_daemon_counts_what_its_reports_lose(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place:
        place.daemon.reports.files._unwritten = 7
        assert (await place.ask("show"))["counts"]["lost"]["monitorfile_lines"] == 7
