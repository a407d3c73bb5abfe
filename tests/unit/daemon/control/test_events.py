"""``events`` over the socket of a whole daemon: what happened, and what happens."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from builders import down, up
from harness.running_daemon import RunningDaemon, running_daemon
from ldirectord_py.daemon.control import events
from ldirectord_py.daemon.history import journal
from ldirectord_py.report.events import ReloadRefused

WEB = """\
virtual = 192.0.2.1:80
    real = 10.1.0.1:80 masq 2
    service = http
"""


def names(answer: Any) -> list[str]:
    return [event["event"] for event in answer["events"]]


def append(place: RunningDaemon, count: int) -> None:
    for number in range(count):
        place.daemon.journal(ReloadRefused((f"number {number}",)))


async def test_what_happened_so_far(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up())
        await place.observe(down())
        answer = await place.ask("events")
        assert names(answer) == [
            "outage-began",
            "configuration-in-force",
            "server-up",
            "outage-over",
            "server-down",
            "outage-began",
        ]
        assert (answer["epoch"], answer["last"], answer["gap"]) == (place.daemon.journal.epoch, 6, None)
        event = answer["events"][4]
        assert (event["seq"], event["code"], event["reason"], event["who"]) == (
            5,
            "L4CON",
            "connect refused",
            "ldirectord",
        )
        assert names(await place.ask("events", since=4)) == ["server-down", "outage-began"]
        assert names(await place.ask("events", since=6)) == []
        assert len(names(await place.ask("events", since_time=time.time() - 60))) == 6
        assert names(await place.ask("events", since_time=time.time() + 60)) == []


async def test_without_since_only_the_last_ones_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "DEFAULT_COUNT", 3)
    async with running_daemon(tmp_path, WEB) as place:
        append(place, 10)
        shown = (await place.ask("events"))["events"]
        assert [event["reasons"] for event in shown] == [["number 7"], ["number 8"], ["number 9"]]


async def test_a_reader_learns_of_what_it_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_ENTRIES", 5)
    async with running_daemon(tmp_path, WEB) as place:
        append(place, 18)
        answer = await place.ask("events", since=3)
        assert answer["gap"] == {"reason": "only the last 5 events are kept", "missed": 12}
        assert len(answer["events"]) == 5
        other = await place.ask("events", since=3, epoch="0badf00d")
        assert "another daemon" in other["gap"]["reason"]
        assert (other["gap"]["missed"], len(other["events"])) == (None, 5)


async def test_a_follower_gets_each_event_once_and_in_order(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        append(place, 450)  # more than one answer holds
        client = await place.connect()
        client.send({"request": "events", "follow": True, "since": 0})
        seen: list[int] = []
        while len(seen) < 452:
            answer = await client.answer()
            assert answer["more"]
            seen += [event["seq"] for event in answer["events"]]
        append(place, 3)
        while len(seen) < 455:
            seen += [event["seq"] for event in (await client.answer())["events"]]
        assert seen == list(range(1, 456))


async def test_a_follower_hears_at_once_of_a_change_and_of_silence_within_a_second(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        client = await place.connect()
        client.send({"request": "events", "follow": True})
        first = await client.answer()
        assert (await client.answer(30))["events"] == []
        append(place, 1)
        answer = await client.answer()
        assert [event["reasons"] for event in answer["events"]] == [["number 0"]]
        assert answer["last"] == first["last"] + 1


async def test_a_follower_that_goes_is_forgotten(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        client = await place.connect()
        client.send({"request": "events", "follow": True})
        await client.answer()
        assert len(place.daemon.journal._followers) == 1
        client.close()
        async with asyncio.timeout(10):
            while place.daemon.journal._followers:
                await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_a_follower_that_is_too_slow_learns_of_what_it_missed(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        client = await place.connect()
        client.send({"request": "events", "follow": True, "since": 2})
        assert (await client.answer())["events"] == []
        append(place, 30_000)
        missed, seen = [], 0
        while seen < journal.MAX_ENTRIES:
            answer = await client.answer()
            seen += len(answer["events"])
            missed += [answer["gap"]["missed"]] if answer["gap"] else []
        assert missed == [30_000 - journal.MAX_ENTRIES]
