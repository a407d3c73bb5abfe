"""LDAP requests over a connection, one at a time, with limited memory for the answers."""

from __future__ import annotations

from ldirectord_py.checks.protocols import ldap_messages as ldap
from ldirectord_py.checks.protocols.ber import Malformed
from ldirectord_py.checks.protocols.ldap_messages import Message, Outcome
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.checks.transport.stream import Stream
from ldirectord_py.errors import BadStatus, CheckFailed

MAX_MESSAGE = 49152
"""Bytes of a message."""

MAX_MESSAGES = 100
"""Messages of an answer."""


class LdapSession:
    """A connection that speaks LDAP; ``received`` has the last received bytes, for reasons."""

    def __init__(self, stream: Stream, seconds: int) -> None:
        self._stream = stream
        self._seconds = seconds
        self._buffer = bytearray()
        self._number = 0
        self.received = b""

    async def bind(self, login: str, passwd: str) -> None:
        """Log in, anonymously if either argument is empty; raises CheckFailed if the server refuses."""
        both = bool(login and passwd)
        self._number += 1
        request = ldap.bind(self._number, login if both else "", passwd if both else "")
        await self._stream.write(request, "bind")
        answer = await self._next(ldap.BIND_RESPONSE)
        _require_success(ldap.outcome(answer.content), "bind refused")

    async def find_entry(self, base: str, attributes: tuple[str, ...]) -> tuple[bytes, memoryview]:
        """Return name and attributes of the entry ``base``; raises CheckFailed unless there is exactly one."""
        self._number += 1
        await self._stream.write(ldap.search(self._number, base, attributes, self._seconds), "search")
        found: list[tuple[bytes, memoryview]] = []
        referral = b""
        for _ in range(MAX_MESSAGES):
            answer = await self._next(ldap.SEARCH_ENTRY, ldap.SEARCH_REFERENCE, ldap.SEARCH_DONE)
            match answer.operation:
                case ldap.SEARCH_ENTRY:
                    found = [*found[:1], ldap.entry(answer.content)]
                case ldap.SEARCH_REFERENCE:
                    referral = ldap.first_uri(answer.content)
                case _:
                    _require_success(ldap.outcome(answer.content), "search refused")
                    return _only(found, base, referral)
        raise CheckFailed(f"an answer of more than {MAX_MESSAGES} messages")

    def unbind(self) -> None:
        """Send an unbind request."""
        self._stream.send_goodbye(ldap.unbind(self._number + 1))

    async def _next(self, *operations: int) -> Message:
        """Return the next answer to our request, of one of the operations; raises CheckFailed or Malformed."""
        for _ in range(MAX_MESSAGES):
            answer = ldap.message(memoryview(await self._message()))
            if answer.number == 0 and answer.operation == ldap.EXTENDED_RESPONSE:
                raise BadStatus(f"disconnected by server: {_words(ldap.outcome(answer.content))}")
            if answer.number != self._number:
                raise Malformed(f"message number {answer.number} instead of {self._number}")
            if answer.operation in operations:
                return answer
            if answer.operation != ldap.INTERMEDIATE_RESPONSE:
                raise Malformed(f"operation 0x{answer.operation:02x}")
        raise CheckFailed(f"an answer of more than {MAX_MESSAGES} messages")

    async def _message(self) -> bytes:
        """Return the bytes of the next message; raises CheckFailed if it is too long or the connection ends."""
        self.received = bytes(self._buffer[:100])
        while (size := ldap.size(memoryview(bytes(self._buffer[:6])))) is None or size > len(self._buffer):
            if size is not None and size > MAX_MESSAGE:
                raise CheckFailed(f"a message of {size} bytes")
            self._buffer += await self._stream.read()
            self.received = bytes(self._buffer[:100])
        data = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return data


def _only(found: list[tuple[bytes, memoryview]], base: str, referral: bytes) -> tuple[bytes, memoryview]:
    if not found:
        elsewhere = f", but a referral to {excerpt(referral)}" if referral else ""
        raise CheckFailed(f'no entry "{base}"{elsewhere}')
    if len(found) > 1:
        raise CheckFailed(f'more than one entry "{base}"')
    return found[0]


def _require_success(outcome: Outcome, refused: str) -> None:
    if outcome.code != ldap.SUCCESS:
        raise BadStatus(f"{refused}: {_words(outcome)}")


def _words(outcome: Outcome) -> str:
    """Return the outcome as words, with the server's message and its referral."""
    diagnostic = outcome.diagnostic.rstrip(b"\0\r\n ")  # Active Directory's ends with a NUL
    said = f" ({excerpt(diagnostic)})" if diagnostic else ""
    elsewhere = f" to {excerpt(outcome.referral)}" if outcome.referral else ""
    return f"{outcome.name}{elsewhere}{said}"
