"""Sending mails with the sendmail of this host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from ldirectord_py.report.mail.message import MailMessage
from ldirectord_py.report.mail.transport import MAIL_TIMEOUT, MailNotSentError, Refusal, Send
from ldirectord_py.runtime.child import Child, input_file
from ldirectord_py.runtime.environment import environment
from ldirectord_py.runtime.text import error_text

SENDMAIL: Final = "/usr/sbin/sendmail"


@asynccontextmanager
async def sendmail_transport(program: str = SENDMAIL) -> AsyncIterator[Send]:
    """Pass mails to the local sendmail, which reads the recipients from the mail."""
    yield partial(_send, program)


async def _send(program: str, message: MailMessage) -> Mapping[str, Refusal]:
    try:
        content = message.encode().replace(b"\r\n", b"\n")
    except ValueError as error:
        return dict.fromkeys(message.recipients, Refusal(error_text(error), final=True))
    try:
        with input_file(content) as stdin:
            child = Child((program, "-t", "-i"), environment(), stdin=stdin)
    except OSError as error:
        raise MailNotSentError(f"cannot run {program}: {error_text(error)}") from None
    status = await child.wait_or_kill(MAIL_TIMEOUT)
    if status is None:
        raise MailNotSentError(f"{program} did not end within {MAIL_TIMEOUT:g} s")
    if status:
        raise MailNotSentError(f"{program} ended with status {status}")
    return {}
