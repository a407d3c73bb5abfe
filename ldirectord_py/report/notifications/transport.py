"""The common interface of commands and webhooks: arguments, results and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from ldirectord_py.errors import LdirectordError
from ldirectord_py.report.event_fields import Fields


class NotificationNotSentError(LdirectordError):
    """No notification can be sent now; a later attempt may succeed."""


SendGroup = Callable[[Sequence[Fields]], Awaitable[str]]
"""Sends events; returns why they are refused for good, or nothing. Raises NotificationNotSentError."""

NotificationTransport = Callable[[], AbstractAsyncContextManager[SendGroup]]
"""Opens a session for several groups of events; raises NotificationNotSentError."""
