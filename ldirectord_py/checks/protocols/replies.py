"""Replies that begin with a code of three digits; SMTP and FTP differ in replies of several lines."""

from __future__ import annotations

from ldirectord_py.checks.transport.stream import MAX_LINES, Stream
from ldirectord_py.errors import CheckFailed

STATUSES = ("1", "2", "3", "4", "5")
"""First digits of the codes in replies (RFC 5321, 4.2.1), with which also those of FTP and NNTP begin."""

MAX_REPLY = 65536
"""Characters of all lines of a reply together."""


async def smtp_reply(stream: Stream, *starts: str) -> list[str]:
    """Return the lines of a reply: each has the code, followed by ``-`` in all but the last (RFC 5321, 4.2.1).

    Raises BadStatus or CheckFailed unless the first begins with one of ``starts``.
    """
    lines = [await stream.expect(*starts, refusals=STATUSES)]
    code = lines[0][:3]
    while lines[-1][3:4] == "-":
        lines.append(await stream.expect(code))
        _limit(lines)
    return lines


async def ftp_reply(stream: Stream, *starts: str) -> str:
    """Return the last line of a reply: with several lines, the next that has the code and a space (RFC 959, 4.2).

    The lines between are free text. Raises BadStatus or CheckFailed unless the first begins with one of ``starts``.
    """
    lines = [await stream.expect(*starts, refusals=STATUSES)]
    code = lines[0][:3]
    if lines[0][3:4] != "-":
        return lines[0]
    while lines[-1] != code and not lines[-1].startswith(f"{code} "):
        lines.append(await stream.line())
        _limit(lines)
    return lines[-1]


def _limit(lines: list[str]) -> None:
    """Raise CheckFailed for a reply that is too long."""
    if len(lines) > MAX_LINES:
        raise CheckFailed(f"a reply of more than {MAX_LINES} lines")
    if sum(map(len, lines)) > MAX_REPLY:
        raise CheckFailed(f"a reply of more than {MAX_REPLY // 1024} kB")
