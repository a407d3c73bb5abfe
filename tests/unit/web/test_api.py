"""What programs read: the servers, events, and whether the daemon is well; without a request to it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from harness.running_daemon import running_daemon
from harness.served_page import served_page
from ldirectord_py.checks.base import Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.health import Verdict
from ldirectord_py.web import feed
from ldirectord_py.web.connection import DaemonConnection

SITE = """
virtual=192.0.2.1:80
    real=127.0.0.1:81 masq 5
    real=127.0.0.2:81 masq
    checktype=connect
"""
UP = Result(Verdict.UP, "connected", 0.0123, ReasonCode.L4OK)
DOWN = Result(Verdict.DOWN, "connect refused", 0.5, ReasonCode.L4CON)


async def test_the_servers_are_the_answer_for_programs(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await place.observe(UP)
        await client.page_with("2 of 2 servers up")
        status, text = await client.get("/api/show")
        answer = json.loads(text)
        assert status == 200
        assert 0 <= answer["age"] < 3
        assert (answer["ok"], {"id", "more", "whole"} & answer.keys()) == (True, set())
        assert [real["real"] for real in answer["virtuals"][0]["reals"]] == ["127.0.0.1:81", "127.0.0.2:81"]
        assert "HTTP/1" not in text


async def test_clients_cause_no_request_to_the_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "COUNTERS_INTERVAL", 60.0)
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await client.page_with("0 of 2 servers up")
        await asyncio.sleep(0.2)
        monkeypatch.setattr(DaemonConnection, "send", None)
        for _ in range(20):
            for path in ("/", "/api/show", "/api/events", "/healthz", "/readyz"):
                assert (await client.get(path))[0] in {200, 503}


async def test_events_go_on_after_a_number_and_say_what_is_missing(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await place.observe(UP)
        await client.page_with("2 of 2 servers up")
        first = json.loads((await client.get("/api/events"))[1])
        assert [event["seq"] for event in first["events"]] == list(range(1, first["last"] + 1))
        assert first["gap"] is None
        await place.observe(DOWN)
        await client.page_with("0 of 2 servers up")
        path = f"/api/events?since={first['last']}&epoch={first['epoch']}"
        second = json.loads((await client.get(path))[1])
        assert [event["event"] for event in second["events"]][:2] == ["server-down", "server-down"]
        assert second["events"][0]["seq"] == first["last"] + 1
        other = json.loads((await client.get("/api/events?since=3&epoch=other"))[1])
        assert other["gap"] == {"missed": None}
        assert other["events"][0]["seq"] == 1
        assert (await client.get("/api/events?since=-1"))[0] == 400


async def test_ready_when_each_check_has_a_result_and_the_kernel_agrees(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await client.page_with("0 of 2 servers up")
        assert await client.get("/healthz") == (200, "ok\n")
        status, text = await client.get("/readyz")
        assert (status, text.count("no result so far")) == (503, 2)
        await place.observe(UP)
        await client.page_with("2 of 2 servers up")
        async with asyncio.timeout(10):
            while await client.get("/readyz") != (200, "ready\n"):
                await asyncio.sleep(0.1)
