"""``/metrics`` of a whole daemon, what becomes of it without one, and how long it takes."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from builders import down, up
from harness.running_daemon import running_daemon
from harness.scraped import STATUS, Samples, counters, samples, show, value, virtual
from harness.served_page import PageClient, served_page
from harness.shown import real
from ldirectord_py.web import feed as feeding
from ldirectord_py.web import health
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.metrics import METRICS_TYPE, Metrics, site_parts
from ldirectord_py.web.packed import Packed, gzip_pieces

SITE = """
virtual=192.0.2.1:80
    real=10.1.0.1:8080 gate 5
    real=10.1.0.2:80 gate
    service=http
virtual=7
    real=10.1.0.1:80 gate
    service=http
"""


async def scrape(client: PageClient, wanted: str) -> Samples:
    """Return the metrics as soon as a text is in them."""
    async with asyncio.timeout(10):
        while wanted not in (text := (await client.get("/metrics"))[1]):
            await asyncio.sleep(0.05)
    return samples(text)


async def test_the_metrics_of_a_daemon(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await place.observe(up())
        await place.observe(down(), "10.1.0.2")
        found = await scrape(client, 'verdict="down"')
        assert value(found, "ldirectord_up") == 1
        assert value(found, "ldirectord_checks_total", kind="http", verdict="down", code="L4CON") == 1
        one: dict[str, Any] = {"remote_address": "10.1.0.1", "remote_port": "80", "proto": "TCP"}
        assert value(found, "ldirectord_real_up", **one) == 1
        assert value(found, "ldirectord_real_info", real="10.1.0.1:8080", **one) == 1
        assert value(found, "ldirectord_real_weight", **one) == 5
        assert value(found, "ldirectord_real_state", remote_address="10.1.0.2", state="down") == 1
        assert value(found, "ldirectord_real_transitions_total", remote_address="10.1.0.2") == 2
        assert value(found, "ldirectord_real_up", proto="FWM", local_mark="00000007", local_port="0") == 1
        assert value(found, "ldirectord_check_duration_seconds_count", virtual="tcp:192.0.2.1:80") == 2
        assert value(found, "ldirectord_loop_lag_seconds_count") >= 0
        assert value(found, "ldirectord_config_info", file=str(tmp_path / "web.cf")) == 1


async def test_the_answer_has_the_type_of_the_format_and_is_packed_if_it_may_be(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await scrape(client, "ldirectord_real_state")
        for accepted, encoding in (("gzip", "gzip"), ("identity", None), ("gzip;q=0", None)):
            headers = {"Accept-Encoding": accepted}
            async with client.session.get(f"{client.url}/metrics", headers=headers) as response:
                assert response.headers["Content-Type"] == METRICS_TYPE
                assert response.headers.get("Content-Encoding") == encoding
                assert response.headers["Vary"] == "Accept-Encoding"
                assert value(samples(await response.text()), "ldirectord_up") == 1


async def test_scrapes_cause_no_request_to_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "COUNTERS_INTERVAL", 60.0)
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        before = value(await scrape(client, "ldirectord_real_state"), "ldirectord_cpu_seconds_total")
        for _ in range(20):
            after = value(samples((await client.get("/metrics"))[1]), "ldirectord_cpu_seconds_total")
        assert before == after


async def test_a_daemon_that_stands_still_has_no_old_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await scrape(client, "ldirectord_real_state")
        monkeypatch.setattr(health, "MAX_SILENCE", -1.0)
        found = samples((await client.get("/metrics"))[1])
        assert found.keys() == {"ldirectord_up", "ldirectord_answer_age_seconds"}
        assert value(found, "ldirectord_up") == 0


async def test_a_daemon_that_has_not_answered_yet() -> None:
    (body,) = await Metrics(Feed()).parts()
    assert samples(b"".join(body.pieces()).decode()) == {"ldirectord_up": {frozenset(): 0}}


async def test_what_does_not_change_is_made_once() -> None:
    feed = Feed()
    feed.status, feed.counters = STATUS, counters()
    feed.servers.apply({**show(virtual("tcp:10.0.0.1:80", real(number=0))), "whole": True}, time.monotonic())
    metrics = Metrics(feed)
    first = await metrics.parts()
    feed.revision = 1
    second = await metrics.parts()
    assert unchanged(first, second) == [True, True, False, False]
    feed.connections_revision = 2
    third = await metrics.parts()
    assert unchanged(second, third) == [True, False, False, False]
    feed.rows_revision = 3
    fourth = await metrics.parts()
    assert unchanged(third, fourth) == [False, False, False, False]
    for parts in (first, second, third, fourth):
        assert gzip.decompress(b"".join(gzip_pieces(parts))) == b"".join(b"".join(part.pieces()) for part in parts)


def unchanged(before: Sequence[Packed], after: Sequence[Packed]) -> list[bool]:
    """Return which of these parts were not made again."""
    return [one is other for one, other in zip(before, after, strict=True)]


@pytest.mark.slow
def test_5000_servers_take_less_than_half_a_second_of_cpu() -> None:
    site = [
        virtual(f"tcp:10.0.{number}.1:80", *[real(f"10.1.{number}.{last}:80") for last in range(50)])
        for number in range(100)
    ]
    answers, seconds = (show(*site), counters()), []
    for _ in range(3):
        began = time.thread_time()
        text = b"".join(make() for make in site_parts(*answers))
        seconds.append(time.thread_time() - began)
    print(f"{min(seconds):.3f} s for {len(text) / 1e6:.1f} MB")
    assert min(seconds) < 0.5
