"""What the handlers of requests share, as aiohttp's applications keep it."""

from __future__ import annotations

from aiohttp import web

from ldirectord_py.web.feed import Feed
from ldirectord_py.web.limits import ConnectionLimits
from ldirectord_py.web.metrics import Metrics
from ldirectord_py.web.packed import LastPacked
from ldirectord_py.web.page import Page
from ldirectord_py.web.stream_messages import StreamMessages

FEED = web.AppKey("feed", Feed)
PAGE = web.AppKey("page", Page)
METRICS = web.AppKey("metrics", Metrics)
SHOWN = web.AppKey("shown", LastPacked)
"""The last answer to ``show``."""

MESSAGES = web.AppKey("messages", StreamMessages)
STREAMS = web.AppKey("streams", set[object])
"""The streams that are open."""

LIMITS = web.AppKey("limits", list[ConnectionLimits])
"""One, once the server listens."""
