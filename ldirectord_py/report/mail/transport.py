"""The common interface of SMTP and sendmail: arguments, results and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple

from ldirectord_py.errors import LdirectordError
from ldirectord_py.report.mail.message import MailMessage

MAIL_TIMEOUT: Final = 30.0
"""Seconds for sending one mail."""


class MailNotSentError(LdirectordError):
    """No mail can be sent now; a later attempt may succeed."""


class Refusal(NamedTuple):
    """Why a mail was refused for one recipient; ``final``: do not send it again."""

    reason: str
    final: bool


Send = Callable[[MailMessage], Awaitable[Mapping[str, Refusal]]]
"""Sends a message; returns the refusals by recipient. Raises MailNotSentError."""

Transport = Callable[[], AbstractAsyncContextManager[Send]]
"""Opens a session for several mails; raises MailNotSentError."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host and port; raises OSError, also after a timeout."""
