"""The page as HTML, made once for each change at most, and only if somebody reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ldirectord_py.runtime.text import count_of
from ldirectord_py.web.board import Item
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.packed import LastPacked, Packed

FOLDER: Final = Path(__file__).parent

MAX_EVENTS_SHOWN: Final = 50
MAX_TROUBLES_SHOWN: Final = 100
"""Servers that are listed among those that hurt; the others are in their virtuals."""


class Page:
    """The page of a feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"ago": ago, "certificate": certificate, "clock": clock, "count_of": count_of}
        environment.filters |= {"short": short, "until": until}
        self._template = environment.get_template("page.html")
        self._last = LastPacked()

    async def html(self) -> Packed:
        """Return the page; raises TimeoutError."""
        feed = self._feed
        of = (feed.board.revision, feed.last_event, feed.events_epoch, feed.servers.answer is None, bool(feed.status))
        return await self._last.get(of, lambda: partial(self._render, self._values()))

    def _render(self, values: Mapping[str, Any]) -> bytes:
        return self._template.render(values).encode()

    def _values(self) -> dict[str, Any]:
        """Return what the template shows, in copies: those of the board may change while it does, in a thread."""
        feed = self._feed
        items = [replace(item, latencies=item.latencies.copy()) for item in feed.board.items.values()]
        groups = list(_groups(items))
        return {
            "id": stream_id(feed),
            "status": feed.status,
            "has_answer": feed.servers.answer is not None,
            "groups": groups,
            "virtuals": {virtual.key: virtual.row for virtual, _ in groups},
            "troubles": troubles(items)[:MAX_TROUBLES_SHOWN],
            "max_troubles": MAX_TROUBLES_SHOWN,
            "summary": summary(items, feed.board.kernel_error),
            "events": list(islice(reversed(feed.events), MAX_EVENTS_SHOWN)),
            "max_events": MAX_EVENTS_SHOWN,
            "now": datetime.now(UTC),
        }


def stream_id(feed: Feed) -> str:
    """Return what a client has seen who has seen everything: epoch, revision of the board, last event."""
    return f"{feed.epoch}.{feed.board.revision}.{feed.last_event}"


def troubles(items: Sequence[Item]) -> list[Item]:
    """Return the servers that hurt, the worst first."""
    hurting = [item for item in items if item.row["kind"] == "server" and item.row["troubles"]]
    return sorted(hurting, key=lambda item: int(item.row["rank"]))


def summary(items: Sequence[Item], kernel_error: str) -> Mapping[str, int | str]:
    """Return how many servers there are, how many are up, how many hurt, and why the kernel cannot be read, if so."""
    rows = [item.row for item in items if item.row["kind"] == "server"]
    up, hurting = sum(row["state"] == "up" for row in rows), sum(bool(row["troubles"]) for row in rows)
    outages = sum("outage" in item.row["troubles"] for item in items if item.row["kind"] == "virtual")
    return {"servers": len(rows), "up": up, "hurting": hurting, "outages": outages, "kernel": kernel_error}


def ago(text: str, now: datetime) -> str:
    """Return how long ago a time in ISO 8601 was: ``5 min``; "" for none. page.js words it the same."""
    if not text:
        return ""
    seconds = max(0, round((now - datetime.fromisoformat(text)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def certificate(text: str, now: datetime) -> str:
    """Return ``certificate ends 2027-01-15`` for that time in ISO 8601, "" for none; page.js has the reader's day."""
    if not text:
        return ""
    return f"certificate {'ended' if datetime.fromisoformat(text) <= now else 'ends'} {text[:10]}"


def clock(text: str) -> str:
    """Return the time of day of a time in ISO 8601 (UTC); page.js shows that of the reader."""
    return f"{text[11:19]} UTC"


def until(text: str) -> str:
    """Return ``until 2026-11-28 09:00 UTC`` for a time in ISO 8601, "" for none; page.js shows that of the reader."""
    return f"until {text[:10]} {text[11:16]} UTC" if text else ""


def short(ms: float) -> str:
    """Return milliseconds with about three digits; page.js does the same."""
    return f"{ms:.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}"


def _groups(items: Sequence[Item]) -> Iterator[tuple[Item, list[Item]]]:
    """Yield each virtual with its servers."""
    virtual: Item | None = None
    reals: list[Item] = []
    for item in items:
        if item.row["kind"] == "server":
            reals.append(item)
            continue
        if virtual is not None:
            yield virtual, reals
        virtual, reals = item, []
    if virtual is not None:
        yield virtual, reals
