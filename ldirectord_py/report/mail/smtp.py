"""Sending mails over SMTP, several in one session. Slow to import."""

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
from ldirectord_py.report.mail.transport import MAIL_TIMEOUT, MailNotSentError, Refusal, Resolve, Send
from ldirectord_py.runtime.text import error_text

SMTP_PORT: Final = 25
REPLY_TIMEOUT = 10.0
QUIT_TIMEOUT = 1.0
MAX_ADDRESSES: Final = 3


def parse_server(server: str) -> tuple[str, int]:
    """Return host and port of ``HOST``, ``HOST:PORT``, ``[IPv6]`` or ``[IPv6]:PORT``."""
    found = re.fullmatch(r"\[?(.+?)\]?(?::([0-9]+))?", server)
    return (found[1], int(found[2] or SMTP_PORT)) if found else (server, SMTP_PORT)


@asynccontextmanager
async def smtp_transport(server: str, resolve: Resolve) -> AsyncIterator[Send]:
    """Open a session with the mail server of a value of ``smtp``."""
    client = await _connect(*parse_server(server), resolve)
    try:
        yield partial(_send, client)
        with suppress(OSError, ValueError, aiosmtplib.SMTPException):  # the mails are sent
            async with asyncio.timeout(QUIT_TIMEOUT):
                await client.quit()
    finally:
        client.close()


async def _connect(host: str, port: int, resolve: Resolve) -> aiosmtplib.SMTP:
    reason = "it has no address"
    for address in (await _resolve(host, port, resolve))[:MAX_ADDRESSES]:
        name = socket.gethostname()
        client = aiosmtplib.SMTP(
            hostname=address, port=port, local_hostname=name, timeout=REPLY_TIMEOUT, start_tls=False
        )
        try:
            async with asyncio.timeout(REPLY_TIMEOUT):
                await client.connect()
        except TimeoutError:
            reason = f"no greeting within {REPLY_TIMEOUT:g} s"
        except (OSError, ValueError, aiosmtplib.SMTPException) as error:
            reason = error_text(error)
        else:
            return client
    raise MailNotSentError(reason)


async def _resolve(host: str, port: int, resolve: Resolve) -> Sequence[str]:
    with suppress(ValueError):
        return [str(ip_address(host))]
    try:
        return await resolve(host, port)
    except OSError as error:
        raise MailNotSentError(f"its name does not resolve: {error_text(error)}") from None


async def _send(client: aiosmtplib.SMTP, message: MailMessage) -> Mapping[str, Refusal]:
    try:
        async with asyncio.timeout(MAIL_TIMEOUT):
            refused, _ = await client.sendmail(message.envelope_sender, message.recipients, message.encode())
    except aiosmtplib.SMTPRecipientsRefused as error:
        return {each.recipient: _refusal(each.code, each.message) for each in error.recipients}
    except aiosmtplib.SMTPResponseException as error:
        if error.code == 421:
            raise MailNotSentError(_refusal(error.code, error.message).reason) from None
        return dict.fromkeys(message.recipients, _refusal(error.code, error.message))
    except TimeoutError:
        raise MailNotSentError("it did not answer in time") from None
    except aiosmtplib.SMTPServerDisconnected:
        raise MailNotSentError("it closed the connection") from None
    except OSError as error:
        raise MailNotSentError(error_text(error)) from None
    except (ValueError, aiosmtplib.SMTPException) as error:
        return dict.fromkeys(message.recipients, Refusal(error_text(error), final=True))
    return {address: _refusal(answer.code, answer.message) for address, answer in refused.items()}


def _refusal(code: int, message: str) -> Refusal:
    return Refusal(f"{code} {' '.join(message.split())}"[:200], final=code >= 500)
