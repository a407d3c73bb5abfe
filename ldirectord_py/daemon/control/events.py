"""``events``: the journal since a number or a time, and then each new event as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from ldirectord_py.control.protocol import Answer, ControlRequest, Encoded, Lazy
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.history.journal import Gap, Journal
from ldirectord_py.runtime.waiting import wait_or_set

MAX_AT_ONCE: Final = 200
"""Events in one answer of a stream."""

DEFAULT_COUNT: Final = 100
"""Events of an answer to a request that does not say since when."""

MAX_SILENCE: Final = 1.0
"""Seconds without an event after which a follower gets an empty answer, so that it knows that it is up to date."""


async def events(context: Context, request: ControlRequest) -> Answer | AsyncGenerator[Answer, None]:
    """Return the events after ``since`` of ``epoch``, or from ``since_time`` on; with ``follow`` a stream of them."""
    journal, epoch = context.journal, request.text("epoch", "")
    since = _since(journal, request)
    gap = journal.gap(since, epoch) if "since" in request.arguments else None
    if gap is not None and gap.missed is None:
        since = 0  # numbers of another daemon say nothing here: all that this one has
    if request.flag("follow"):
        return _follow(journal, since, gap)
    return _answer(journal, since, gap)


def _since(journal: Journal, request: ControlRequest) -> int:
    if "since" in request.arguments:
        return max(0, int(request.number("since")))
    if "since_time" in request.arguments:
        return journal.since_time(request.number("since_time"))
    return max(0, journal.last - DEFAULT_COUNT)


def _answer(journal: Journal, since: int, gap: Gap | None, limit: int | None = None) -> dict[str, object]:
    entries = journal.since(since, limit)
    return {
        "epoch": journal.epoch,
        "first": journal.first,
        "last": entries[-1].seq if entries else max(since, journal.first - 1),
        "gap": gap and {"reason": gap.reason, "missed": gap.missed},
        "events": Lazy(Encoded(entry.json) for entry in entries) if entries else (),
    }


async def _follow(journal: Journal, since: int, gap: Gap | None) -> AsyncGenerator[Answer, None]:
    """Yield the events in portions, each with the number after which the next one goes on."""
    changed = asyncio.Event()
    journal.follow(changed.set)
    try:
        while True:
            changed.clear()
            answer = _answer(journal, since, gap, MAX_AT_ONCE)
            yield answer
            since = int(str(answer["last"]))
            if journal.last <= since:
                await wait_or_set(changed, MAX_SILENCE)
            gap = journal.gap(since)
    finally:
        journal.unfollow(changed.set)
