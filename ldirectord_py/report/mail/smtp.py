"""Mails over SMTP, several in one session. Import it only where mail is sent."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from ipaddress import ip_address
from typing import Final

import aiosmtplib

from ldirectord_py.report.mail.message import MailMessage
from ldirectord_py.report.mail.transport import MAIL_SECONDS, Lookup, MailNotSentError, Refusal, Send, words

SMTP_PORT: Final = 25
ANSWER_SECONDS = 10.0
QUIT_SECONDS = 1.0
ADDRESSES_TRIED: Final = 3


def endpoint_of(server: str) -> tuple[str, int]:
    """Return host and port of ``HOST``, ``HOST:PORT``, ``[IPv6]`` or ``[IPv6]:PORT``."""
    found = re.fullmatch(r"\[?(.+?)\]?(?::([0-9]+))?", server)
    return (found[1], int(found[2] or SMTP_PORT)) if found else (server, SMTP_PORT)


@asynccontextmanager
async def smtp_transport(server: str, lookup: Lookup) -> AsyncIterator[Send]:
    """Open a session with a mail server, given as ``smtp`` has it."""
    client = await _connected(*endpoint_of(server), lookup)
    try:
        yield partial(_send, client)
        with suppress(OSError, ValueError, aiosmtplib.SMTPException):  # the mails are away
            async with asyncio.timeout(QUIT_SECONDS):
                await client.quit()
    finally:
        client.close()


async def _connected(host: str, port: int, lookup: Lookup) -> aiosmtplib.SMTP:
    reason = "it has no address"
    for address in (await _addresses(host, port, lookup))[:ADDRESSES_TRIED]:
        name = socket.gethostname()
        client = aiosmtplib.SMTP(
            hostname=address, port=port, local_hostname=name, timeout=ANSWER_SECONDS, start_tls=False
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await client.connect()
        except TimeoutError:
            reason = f"no greeting within {ANSWER_SECONDS:g} s"
        except (OSError, ValueError, aiosmtplib.SMTPException) as error:
            reason = words(error)
        else:
            return client
    raise MailNotSentError(reason)


async def _addresses(host: str, port: int, lookup: Lookup) -> Sequence[str]:
    with suppress(ValueError):
        return [str(ip_address(host))]
    try:
        return await lookup(host, port)
    except OSError as error:
        raise MailNotSentError(f"its name does not resolve: {words(error)}") from None


async def _send(client: aiosmtplib.SMTP, letter: MailMessage) -> Mapping[str, Refusal]:
    try:
        async with asyncio.timeout(MAIL_SECONDS):
            refused, _ = await client.sendmail(letter.sender, letter.recipients, letter.message())
    except aiosmtplib.SMTPRecipientsRefused as error:
        return {each.recipient: _refusal(each.code, each.message) for each in error.recipients}
    except aiosmtplib.SMTPResponseException as error:
        if error.code == 421:
            raise MailNotSentError(_refusal(error.code, error.message).reason) from None
        return dict.fromkeys(letter.recipients, _refusal(error.code, error.message))
    except TimeoutError:
        raise MailNotSentError("it did not answer in time") from None
    except aiosmtplib.SMTPServerDisconnected:
        raise MailNotSentError("it closed the connection") from None
    except OSError as error:
        raise MailNotSentError(words(error)) from None
    except (ValueError, aiosmtplib.SMTPException) as error:
        return dict.fromkeys(letter.recipients, Refusal(words(error), final=True))
    return {address: _refusal(answer.code, answer.message) for address, answer in refused.items()}


def _refusal(code: int, message: str) -> Refusal:
    return Refusal(f"{code} {' '.join(message.split())}"[:200], final=code >= 500)
