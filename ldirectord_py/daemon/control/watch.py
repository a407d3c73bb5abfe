"""``watch``: the servers as ``show`` describes them, and then each update about what has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator

from ldirectord_py.control.protocol import Answer, ControlRequest, Lazy
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.feed.layout import FeedLayout
from ldirectord_py.daemon.control.feed.server_feed import ServerFeed
from ldirectord_py.daemon.control.servers.configured_fields import Fields
from ldirectord_py.daemon.control.servers.knowledge import Knowledge, knowledge
from ldirectord_py.daemon.control.servers.server_fields import VirtualView
from ldirectord_py.daemon.control.show import ChosenServers, wanted_servers, which_servers


async def watch(context: Context, request: ControlRequest) -> AsyncGenerator[Answer, None]:
    """Return a stream: the servers that ``which`` asks for, and the updates, which are the same for all clients."""
    return _follow(context, which_servers(request))


async def _follow(context: Context, which: str) -> AsyncGenerator[Answer, None]:
    feed, changed, last = context.feed, asyncio.Event(), -1
    feed.add_follower(changed.set)
    try:
        while True:
            changed.clear()
            updates = feed.updates.after(last)
            if updates is None and feed.layout is not None and feed.layout.is_current:
                last = feed.updates.last
                yield await _everything(context, feed.layout, which)
                continue
            for update in updates or ():
                last = update.number
                yield update.fields
            await changed.wait()
    finally:
        feed.remove_follower(changed.set)


async def _everything(context: Context, layout: FeedLayout, which: str) -> Answer:
    """Return the virtuals and their servers with the numbers that these have in updates."""
    director, feed = context.director, context.feed
    feed.mark_changes_without_event()
    known = knowledge(director, dict(director.health), context.transitions, feed.reading)
    chosen = await wanted_servers(list(map(ChosenServers, layout.compiled.virtuals.values())), known, which)
    return {
        "whole": True,
        **feed.summary(layout),
        "virtuals": Lazy(_virtual_with_reals(each, known, layout, feed) for each in chosen),
    }


def _virtual_with_reals(chosen: ChosenServers, known: Knowledge, layout: FeedLayout, feed: ServerFeed) -> Fields:
    view = VirtualView(chosen.virtual, known)
    return {**view.fields(), "reals": Lazy(_numbered(view, chosen, layout, feed))}


def _numbered(view: VirtualView, chosen: ChosenServers, layout: FeedLayout, feed: ServerFeed) -> Iterator[Fields]:
    for real, check in chosen.reals(view):
        number = layout.numbers[real.key]
        feed.row_made(layout, number)
        yield {"number": number, **view.real(real, check)}
