"""``service = pop``: the greeting is +OK, and the login succeeds if one is set."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.transport.stream import MAX_LINES, Stream, connect
from ldirectord_py.errors import BadStatus, CheckFailed
from ldirectord_py.runtime.text import as_bytes

_STAMP = re.compile(r"<[^<>@\s]+@[^<>@\s]+>", re.ASCII)


async def check(target: Target) -> str:
    """Return the greeting."""
    async with connect(target) as stream:
        return await talk(stream, target)


async def talk(stream: Stream, target: Target) -> str:
    """Return the greeting, after the login if one is set."""
    greeting = await stream.expect("+OK", refusals=("-ERR",))
    if target.login:
        await _login(stream, target, greeting)
    stream.send_goodbye(b"QUIT\r\n")
    return greeting


async def _login(stream: Stream, target: Target, greeting: str) -> None:
    """Log in; send the password in clear only if the server accepts no digest of it. Raises CheckFailed."""
    if await _apop(stream, target, greeting) or await _cram_md5(stream, target):
        return
    for line in (f"USER {target.login}", f"PASS {target.passwd}"):
        if refusal := await _refused(stream, line):
            raise BadStatus(f"login refused: {refusal}")


async def _apop(stream: Stream, target: Target, greeting: str) -> bool:
    """Return whether the server offers and accepts APOP (RFC 1939)."""
    stamp = _STAMP.search(greeting)
    if not stamp:
        return False
    digest = hashlib.md5(stamp.group().encode() + as_bytes(target.passwd), usedforsecurity=False).hexdigest()
    return not await _refused(stream, f"APOP {target.login} {digest}")


async def _cram_md5(stream: Stream, target: Target) -> bool:
    """Return whether the server offers and accepts CRAM-MD5 (RFC 2195)."""
    if "CRAM-MD5" not in await _mechanisms(stream):
        return False
    await stream.send("AUTH CRAM-MD5")
    challenge = await stream.expect("+", "-ERR")
    if not challenge.startswith("+ "):
        return False
    try:
        digest = hmac.digest(as_bytes(target.passwd), base64.b64decode(challenge[2:]), "md5").hex()
    except ValueError:
        raise CheckFailed(f"the challenge of CRAM-MD5 is malformed: {challenge}") from None
    answer = base64.b64encode(as_bytes(f"{target.login} {digest}")).decode()
    return not await _refused(stream, answer, "CRAM-MD5")


async def _mechanisms(stream: Stream) -> list[str]:
    """Return the SASL mechanisms that the server offers."""
    if await _refused(stream, "CAPA"):
        return []
    named: list[str] = []
    for _ in range(MAX_LINES):
        word, *words = (await stream.line()).upper().split() or [""]
        if word == ".":
            return named
        if word == "SASL":
            named = words
    raise CheckFailed(f"a list of capabilities of more than {MAX_LINES} lines")


async def _refused(stream: Stream, line: str, name: str = "") -> str:
    """Send a line; return the refusal of the server, "" if it accepts."""
    await stream.send(line, name)
    answer = await stream.expect("+OK", "-ERR")
    return answer if answer.upper().startswith("-ERR") else ""


KIND = Kind("pop", check, port=110, uses=frozenset({"login", "passwd"}))
