"""How mails leave this host: what every way is given, what it answers, and how it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from ldirectord_py.errors import LdirectordError
from ldirectord_py.report.mail.message import MailMessage

MAIL_TIMEOUT: Final = 30.0
"""Seconds that one mail may take on its way out."""


class MailNotSentError(LdirectordError):
    """No mail can leave now; it may be tried again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a mail was not taken for one recipient; ``final``: it never will be."""

    reason: str
    final: bool


Send = Callable[[MailMessage], Awaitable[Mapping[str, Refusal]]]
"""Sends a letter; returns who was refused, by address. Raises NotCarriedError."""

Transport = Callable[[], AbstractAsyncContextManager[Send]]
"""Opens a way for one mail after the other; raises NotCarriedError."""


Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host, for its port; raises OSError, also when that takes too long."""


def error_text(error: Exception) -> str:
    """Return on one line what an error says."""
    text = getattr(error, "strerror", None) or " ".join(map(str, error.args)) or type(error).__name__
    return " ".join(str(text).split())[:200]
