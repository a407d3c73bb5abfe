"""A process with two servers on loopback: one answers HTTP, the other accepts connections and never answers.

It prints their ports, and ends at the end of its input.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
    writer.close()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        await reader.read()
    writer.transport.abort()


async def main() -> None:
    servers = [await asyncio.start_server(each, "0.0.0.0", 0, backlog=4096) for each in (answer, hang)]  # noqa: S104
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
