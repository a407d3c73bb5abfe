"""Answers for programs: what the daemon answered last, its events, and whether it is well. No request reaches it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from ldirectord_py.control.protocol import Lazy, encode_pieces
from ldirectord_py.control.server_replica import ServerReplica
from ldirectord_py.runtime.json_lines import encode_json
from ldirectord_py.web.health import stall, unready
from ldirectord_py.web.keys import FEED, SHOWN
from ldirectord_py.web.packed import pack, send_packed

JSON_TYPE: Final = "application/json; charset=utf-8"

STREAM_FIELDS: Final = frozenset(("id", "more", "whole"))
"""The fields of an answer of ``watch`` that mean something in its stream only."""

MAX_EVENTS_ANSWERED: Final = 1000
"""Events in an answer; ``last`` is the number to go on after."""


async def show(request: web.Request) -> web.StreamResponse:
    """Return the servers as ``show`` of the control socket does, and the ``age`` of the last update in seconds."""
    feed = request.app[FEED]
    if (answer := feed.servers.answer) is None:
        raise web.HTTPServiceUnavailable(text='{"error":"the daemon has not answered so far"}')
    servers = await request.app[SHOWN].get(feed.revision, lambda: _json_maker(feed.servers, answer))
    age = pack(f',"age":{feed.age or 0.0:.3f}}}'.encode(), servers)
    return await send_packed(request, [servers, age], JSON_TYPE)


def _json_maker(servers: ServerReplica, answer: Mapping[str, Any]) -> Callable[[], bytes]:
    """Return a function that makes the JSON of the servers, without its last brace, in a thread.

    Another update may change them meanwhile, but none while a virtual is encoded.
    """
    servers.set_ages(time.monotonic(), time.time())
    lazy = {name: value for name, value in answer.items() if name not in STREAM_FIELDS}
    lazy["virtuals"] = Lazy(answer["virtuals"])
    return lambda: "".join(encode_pieces(lazy)).encode()[:-1]


async def events(request: web.Request) -> web.StreamResponse:
    """Return the events after the number ``since`` of an ``epoch``, as the request ``events`` does."""
    feed, since = request.app[FEED], request.query.get("since", "")
    if since and not (since.isdecimal() and len(since) < 20):
        raise web.HTTPBadRequest(text="since is the number of an event\n")
    seq = int(since or 0)
    other = request.query.get("epoch", feed.events_epoch) != feed.events_epoch or seq > feed.last_event
    first = int(feed.events[0]["seq"]) if feed.events else feed.last_event + 1
    found = feed.events_since(0 if other else seq, MAX_EVENTS_ANSWERED)
    missed = 0 if other or not since else max(0, first - 1 - seq)
    answer = {
        "epoch": feed.events_epoch,
        "first": first,
        "last": found[-1]["seq"] if found else feed.last_event,
        "gap": {"missed": None if other else missed} if other or missed else None,
        "events": found,
    }
    return await send_packed(request, [pack(encode_json(answer).encode())], JSON_TYPE)


async def healthz(request: web.Request) -> web.Response:
    """Return 200 if the daemon makes progress."""
    feed = request.app[FEED]
    reason = stall(feed.silence, feed.age)
    return web.Response(text=f"{reason or 'ok'}\n", status=503 if reason else 200)


async def readyz(request: web.Request) -> web.Response:
    """Return 200 if a configuration is in force, each check has a result, and the kernel has the rows for it."""
    reasons = unready(request.app[FEED].servers.answer)
    return web.Response(text="\n".join(reasons or ["ready"]) + "\n", status=503 if reasons else 200)
