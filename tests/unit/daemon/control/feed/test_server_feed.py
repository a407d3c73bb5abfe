"""When the feed of ``watch`` works, and when it rests; what it says is tested with ``watch``."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from harness.followed import follow
from harness.running_daemon import running_daemon
from harness.waiting import until
from ldirectord_py.daemon.control.feed import server_feed
from ldirectord_py.daemon.control.feed.server_feed import ServerFeed

WEB = """\
virtual = 192.0.2.1:80
    real = 10.1.0.1:80 masq
    service = http
"""


async def test_a_feed_that_fails_rests_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_feed, "EVENT_DELAY", 0.02)
    monkeypatch.setattr(server_feed, "UPDATE_INTERVAL", 0.04)
    monkeypatch.setattr(server_feed, "RETRY_DELAY", 0.3)
    began: list[float] = []

    async def fail(_: ServerFeed) -> None:
        began.append(time.monotonic())
        raise RuntimeError

    async with running_daemon(tmp_path, WEB) as place:
        await follow(place)
        monkeypatch.setattr(ServerFeed, "_lay_out", fail)
        feed = place.daemon.control.context.feed
        monkeypatch.setattr(feed, "_collect", None)  # fails too, and so the servers have to be laid out anew
        await until(lambda: len(began) > 3, 10)
    assert min(later - earlier for earlier, later in pairwise(began)) > 0.25
