"""The words of the page: ages, latencies, codes; what hurts first; and that it is made once for each change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.watch_answers import VIRTUAL, real, virtual, whole
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.page import Page, ago, certificate, short, stream_id, summary, troubles, until

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("2026-11-28T12:00:01.000Z", "0 s"),
        ("2026-11-28T11:59:01.000Z", "59 s"),
        ("2026-11-28T11:59:00.000Z", "1 min"),
        ("2026-11-28T10:00:01.000Z", "119 min"),
        ("2026-11-28T10:00:00.000Z", "2 h"),
        ("2026-11-26T12:00:01.000Z", "47 h"),
        ("2026-11-26T12:00:00.000Z", "2 d"),
    ],
)
def test_ages(text: str, expected: str) -> None:
    assert ago(text, NOW) == expected


def test_latencies_have_three_digits() -> None:
    assert [short(ms) for ms in (0.123, 9.99, 12.34, 123.4)] == ["0.12", "9.99", "12.3", "123"]


def feed(*reals: dict[str, Any]) -> Feed:
    made = Feed()
    made.servers.apply(whole(*reals), 0.0)
    made.board.apply_answer(made.servers, 0.0)
    return made


def test_what_hurts_most_comes_first() -> None:
    failing, down = {**real("10.0.0.2:80", 1), "trouble": ["failing"]}, real("10.0.0.3:80", 2, up=False)
    shown = feed(real("10.0.0.1:80"), failing, down)
    items = list(shown.board.items.values())
    assert [item.key.rpartition("/")[2] for item in troubles(items)] == ["10.0.0.3:80", "10.0.0.2:80"]
    assert summary(items, "") == {"servers": 3, "up": 2, "hurting": 2, "outages": 0, "kernel": ""}


async def test_the_page_is_made_once_for_each_change() -> None:
    shown = feed(real())
    page = Page(shown)
    first = await page.html()
    assert await page.html() is first
    assert f'data-stream="{stream_id(shown)}"'.encode() in b"".join(first.pieces())
    shown.servers.apply(whole(real(up=False)), 1.0)
    shown.board.apply_answer(shown.servers, 1.0)
    assert await page.html() is not first


async def test_the_page_is_of_one_moment_though_it_is_made_in_a_thread() -> None:
    shown = feed(real())
    item = shown.board.items[f"{VIRTUAL}/10.0.0.1:80"]
    latencies = " ".join(map(str, item.latencies))
    making = asyncio.create_task(Page(shown).html())
    await asyncio.sleep(0)
    item.latencies.append(3.5)
    item.set_row({**item.row, "word": "no longer"}, 9)
    page = b"".join((await making).pieces()).decode()
    assert f'data-latencies="{latencies}"' in page
    assert "no longer" not in page


@pytest.mark.parametrize(("number", "words"), [(1, "1 virtual without a server"), (2, "2 virtuals without a server")])
async def test_outages_are_counted(number: int, words: str) -> None:
    shown = Feed()
    outages = [{**virtual(), "virtual": f"fwm:{each}", "trouble": ["outage"]} for each in range(number)]
    shown.servers.apply({**whole(), "virtuals": outages}, 0.0)
    shown.board.apply_answer(shown.servers, 0.0)
    assert f", {words}</p>" in b"".join((await Page(shown).html()).pieces()).decode()


async def test_a_kernel_that_cannot_be_read_is_told() -> None:
    shown = feed(real())
    shown.servers.apply({**whole(real()), "kernel": {"age": 1.0, "error": "no IPVS <here>"}}, 1.0)
    shown.board.apply_answer(shown.servers, 1.0)
    page = b"".join((await Page(shown).html()).pieces()).decode()
    assert "1 of 1 servers up, the kernel's table cannot be read: no IPVS &lt;here&gt;</p>" in page


async def test_texts_of_others_stay_texts() -> None:
    hostile = "\"'><script>alert(1)</script>&amp;"
    shown = feed(real(reason=hostile))
    shown.events.append({"seq": 1, "time": hostile, "event": hostile, "who": hostile, "message": hostile})
    shown.status = dict.fromkeys(("instance", "version", "pid", "config", "generation"), hostile)
    page = b"".join((await Page(shown).html()).pieces()).decode()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;") >= 8


def test_the_end_of_a_certificate_is_told_to_the_day() -> None:
    assert certificate("2027-01-15T08:00:00.000Z", NOW) == "certificate ends 2027-01-15"
    assert certificate("2026-11-28T11:00:00.000Z", NOW) == "certificate ended 2026-11-28"
    assert certificate("", NOW) == ""


def test_the_end_of_a_state_is_told_to_the_minute() -> None:
    assert until("2026-11-28T09:00:12.345Z") == "until 2026-11-28 09:00 UTC"
    assert until("") == ""
