"""Messages of an LDAP server after RFC 4511, made without our own decoder, which they test."""

from __future__ import annotations

import asyncio

from harness.fakes.scripted import Talk

BIND, ENTRY, DONE, REFERENCE, EXTENDED, INTERMEDIATE = 0x61, 0x64, 0x65, 0x73, 0x78, 0x79


def element(tag: int, *contents: bytes) -> bytes:
    """Return an element, its length in four bytes, as Active Directory writes them."""
    content = b"".join(contents)
    return bytes((tag, 0x84)) + len(content).to_bytes(4, "big") + content


def message(number: int, operation: int, *contents: bytes) -> bytes:
    """Return a message."""
    return element(0x30, element(0x02, bytes((number,))), element(operation, *contents))


def result(number: int, operation: int, code: int = 0, said: bytes = b"", referral: bytes = b"") -> bytes:
    """Return the end of an operation."""
    words = [element(0x0A, bytes((code,))), element(0x04, b""), element(0x04, said)]
    if referral:
        words.append(element(0xA3, element(0x04, referral)))
    return message(number, operation, *words)


def entry(number: int, name: bytes, **attributes: tuple[bytes, ...]) -> bytes:
    """Return an entry of a search result."""
    written = (
        element(0x30, element(0x04, attribute.encode()), element(0x31, *(element(0x04, value) for value in values)))
        for attribute, values in attributes.items()
    )
    return message(number, ENTRY, element(0x04, name), element(0x30, *written))


def answering_each(*answers: bytes) -> Talk:
    """Return a talk that answers each request with the next of the answers, and closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await request(reader)
            writer.write(answer)
            await writer.drain()

    return talk


async def request(reader: asyncio.StreamReader) -> bytes:
    """Return the next request, which is one of less than 128 bytes."""
    head = await reader.readexactly(2)
    return head + await reader.readexactly(head[1])
