"""``notifyurl``: events as a JSON array in an HTTP POST. Slow to import, and 13 MB of memory."""

from __future__ import annotations

import hmac
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from ipaddress import ip_address
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from ldirectord_py.checks.transport import tls
from ldirectord_py.report.event_fields import Fields
from ldirectord_py.report.mail.transport import Resolve
from ldirectord_py.report.notifications.transport import NotificationNotSentError, SendGroup
from ldirectord_py.runtime.json_lines import encode_json
from ldirectord_py.runtime.limiter import Limiter
from ldirectord_py.runtime.regular_files import read_regular_file
from ldirectord_py.runtime.text import error_text
from ldirectord_py.runtime.threads import run_in_daemon_thread

WEBHOOK_TIMEOUT = 10.0
"""Seconds for one POST, with the look-up of the name and the connection."""

MAX_ANSWER: Final = 65536
"""Bytes of an answer that are read, so that the connection can be used again."""

HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "ldirectord-py", "Accept-Encoding": "identity"}

SIGNATURE_HEADER: Final = "X-Hub-Signature-256"

SECRET_TIMEOUT: Final = 10.0
"""Seconds to read the file of a secret."""

MAX_SECRET: Final = 4096
"""Bytes of the file of a secret."""

CONCURRENT_POSTS: Final = Limiter(16)
"""Limits the requests to all webhooks at the same time: an outage of many virtuals has many recipients."""

_TRY_AGAIN: Final = frozenset({408, 429})

tls.context(verify=True)  # takes 20 ms, which the event loop should not spend


class _LookUp(AbstractResolver):
    """Looks names up in threads that nothing waits for at the end, unlike those of aiohttp."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[Any]:
        """Return the addresses of a host as aiohttp wants them; raises OSError."""
        return [_found(host, address, port) for address in await self._resolve(host, port)]

    async def close(self) -> None:
        """Do nothing."""


def _found(host: str, address: str, port: int) -> dict[str, Any]:
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    return {"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": 0}


@asynccontextmanager
async def webhook_transport(url: str, resolve: Resolve, secret_file: str = "") -> AsyncIterator[SendGroup]:
    """Send each group of events to a URL. Its user and password are those of basic authentication.

    A certificate must be from an authority that this host trusts. Redirects are not followed, so that what is secret
    stays where it was sent to. With ``secret_file`` each body is signed; the file is read anew by each session.
    """
    sign = partial(signature, await _secret(secret_file)) if secret_file else None
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls.context(verify=True), resolver=_LookUp(resolve), limit=1),
        timeout=aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        yield partial(_post, session, URL(url, encoded=True), sign)


def signature(secret: bytes, body: bytes) -> str:
    """Return the value of SIGNATURE_HEADER, as GitHub's webhooks have it."""
    return f"sha256={hmac.digest(secret, body, 'sha256').hex()}"


async def _secret(file: str) -> bytes:
    """Return the secret in a file, without the end of its line; raises NotificationNotSentError."""
    try:
        secret = await run_in_daemon_thread(partial(read_regular_file, file, MAX_SECRET + 1), SECRET_TIMEOUT)
    except (OSError, ValueError) as error:  # TimeoutError too, and a NUL in the name
        raise NotificationNotSentError(f"the secret cannot be read: {error_text(error)}") from None
    if len(secret) > MAX_SECRET:
        raise NotificationNotSentError(f"there is no secret in {file}: it has more than {MAX_SECRET} bytes")
    secret = secret.rstrip(b"\r\n")
    if not secret:
        raise NotificationNotSentError(f"there is no secret in {file}")
    return secret


async def _post(
    session: aiohttp.ClientSession, url: URL, sign: Callable[[bytes], str] | None, group: Sequence[Fields]
) -> str:
    body = f"[{','.join(map(encode_json, group))}]".encode()
    headers = {**HEADERS, SIGNATURE_HEADER: sign(body)} if sign else HEADERS
    try:
        async with CONCURRENT_POSTS, session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            with suppress(aiohttp.ClientError, TimeoutError):  # its status is known
                await response.content.read(MAX_ANSWER)
            status = response.status
    except TimeoutError:
        raise NotificationNotSentError(f"no answer within {WEBHOOK_TIMEOUT:g} s") from None
    except aiohttp.InvalidURL:  # its text is the URL, which may be secret
        return "its URL is not valid"
    except aiohttp.ClientConnectorCertificateError as error:
        raise NotificationNotSentError(_certificate_reason(error.certificate_error)) from None
    except (aiohttp.ClientError, OSError) as error:
        raise NotificationNotSentError(error_text(error)) from None
    if status >= 500 or status in _TRY_AGAIN:
        raise NotificationNotSentError(f"status {status}")
    if status >= 300:
        return f"status {status}{', and redirects are not followed' if status < 400 else ''}"
    return ""


def _certificate_reason(error: Exception) -> str:
    return error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error_text(error)
