"""``service = imap``: the greeting is OK, and the login succeeds if one is set."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.transport.stream import MAX_LINES, Stream, connect
from ldirectord_py.errors import BadStatus, CheckFailed


async def check(target: Target) -> str:
    """Return the greeting."""
    async with connect(target) as stream:
        return await talk(stream, target)


async def talk(stream: Stream, target: Target) -> str:
    """Return the greeting, after the login if one is set."""
    greeting = await stream.expect("* OK", "* PREAUTH", refusals=("* BYE",))
    if target.login and not greeting.upper().startswith("* PREAUTH"):
        await stream.send(f"a1 LOGIN {_quoted(target.login)} {_quoted(target.passwd)}", "LOGIN")
        await _tagged(stream, "a1")
    stream.send_goodbye(b"a2 LOGOUT\r\n")
    return greeting


async def _tagged(stream: Stream, tag: str) -> None:
    """Read up to the answer with our tag; raises BadStatus unless it is OK."""
    for _ in range(MAX_LINES):
        line = await stream.expect(f"{tag} ", "* ")
        answers, _, answer = line.partition(" ")
        if answers == tag and answer.upper().startswith("OK"):
            return
        if answers == tag:
            raise BadStatus(f"login refused: {line}")
    raise CheckFailed(f"no answer to LOGIN among {MAX_LINES} lines")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


KIND = Kind("imap", check, port=143, uses=frozenset({"login", "passwd"}))
