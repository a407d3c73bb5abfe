"""The stream: changes at once, resumed by number without a gap, and a whole page where that cannot be."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from harness.running_daemon import running_daemon
from harness.served_page import PageClient, served_page
from ldirectord_py.checks.base import Result
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.health import Verdict
from ldirectord_py.web import stream, stream_messages

SITE = "virtual=192.0.2.1:80\n    real=127.0.0.1:81 masq\n    real=127.0.0.2:81 masq\n    checktype=connect\n"
KEY = "tcp:192.0.2.1:80/127.0.0.1:81"
UP = Result(Verdict.UP, "connected", 0.01, ReasonCode.L4OK)
DOWN = Result(Verdict.DOWN, "connect refused", 0.02, ReasonCode.L4CON)


async def seen(client: PageClient) -> str:
    """Return the id of what a page shows now."""
    found = re.search(r'data-stream="([^"]+)"', (await client.get("/"))[1])
    assert found
    return found[1]


async def test_a_change_comes_within_two_seconds_and_with_its_reason(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await place.observe(UP)
        await client.page_with("2 of 2 servers up")
        waiting = asyncio.create_task(client.message("rows", await seen(client)))
        await asyncio.sleep(0.2)
        async with asyncio.timeout(2):
            await place.observe(DOWN, "127.0.0.1")
            _, data = await waiting
        row = data["rows"][KEY]
        assert (row["state"], row["code"], row["reason"]) == ("down", "L4CON", "connect refused")
        assert data["summary"]["up"] == 1


async def test_whoever_resumes_gets_what_was_missed_once(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await place.observe(UP)
        await client.page_with("2 of 2 servers up")
        last = await seen(client)
        await place.observe(DOWN, "127.0.0.1")
        await client.page_with("1 of 2 servers up")
        journal, events = await client.message("journal", last)
        assert [event["event"] for event in events].count("server-down") == 1
        number, data = await client.message("rows", "", **{"Last-Event-ID": last})
        assert data["rows"][KEY]["state"] == "down"
        assert int(journal.rpartition(".")[2]) == events[-1]["seq"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await client.message("journal", journal)
        assert number.split(".")[0] == last.split(".")[0]


@pytest.mark.parametrize("last", ["0000.1.1", "nonsense", "a.b.c", "..", "1.2"])
async def test_an_unknown_number_means_the_whole_page_again(tmp_path: Path, last: str) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await client.page_with("0 of 2 servers up")
        assert (await client.message("again", last))[1] == {}


async def test_too_many_events_missed_mean_the_whole_page_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await client.page_with("0 of 2 servers up")
        last = await seen(client)
        await place.observe(UP)
        await client.page_with("2 of 2 servers up")
        monkeypatch.setattr(stream_messages, "MAX_EVENTS_MISSED", 1)
        assert (await client.message("again", last))[1] == {}


async def test_another_configuration_means_the_whole_page_again(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await client.page_with("0 of 2 servers up")
        waiting = asyncio.create_task(client.message("again", await seen(client)))
        (tmp_path / "web.cf").write_text(f"{SITE}virtual=192.0.2.2:80\n    real=127.0.0.3:81 masq\n")
        await place.daemon.reloader.reload()
        await waiting
        assert "tcp:192.0.2.2:80" in (await client.get("/"))[1]


@pytest.mark.slow
async def test_a_beat_says_each_second_how_long_the_daemon_has_been_silent(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await client.page_with("0 of 2 servers up")
        loop, times = asyncio.get_running_loop(), list[float]()
        async for name, _, data in client.messages():
            if name == "beat":
                assert 0 <= data["silence"] < 2
                times.append(loop.time())
            if len(times) == 3:
                break
        assert times[2] - times[0] < 3


async def test_there_are_only_so_many_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_STREAMS", 2)
    async with running_daemon(tmp_path, SITE) as place, served_page(place) as client:
        await client.page_with("0 of 2 servers up")
        open_ones = [await client.session.get(f"{client.url}/api/stream") for _ in range(2)]
        assert (await client.get("/api/stream"))[0] == 503
        for each in open_ones:
            each.close()
        async with asyncio.timeout(10):
            while (await client.get("/healthz"))[0] and await stream_status(client) != 200:
                await asyncio.sleep(0.1)


async def stream_status(client: PageClient) -> int:
    response = await client.session.get(f"{client.url}/api/stream")
    response.close()
    return response.status
