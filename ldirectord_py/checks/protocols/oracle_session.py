"""A conversation with Oracle, in a process of its own.

Oracle's driver trusts the server: packets of odd sizes make it loop for ever with the interpreter's lock in its hand,
or crash; a key derivation takes as long as the server asks. A process can be ended, whatever it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.checktypes import connect
from ldirectord_py.checks.checktypes.command import environment
from ldirectord_py.checks.progress import progress, set_progress
from ldirectord_py.checks.protocols.oracle_words import DOWN, LOGGED_IN, UP
from ldirectord_py.errors import CheckFailed, Inconclusive
from ldirectord_py.runtime.limiter import Limiter
from ldirectord_py.runtime.python_command import python_command

COMMAND = python_command("ldirectord_py.checks.protocols.oracle_child")

MAX_OUTPUT = 4096
"""Bytes that the process may say."""

TURNS = Limiter(8)
"""The processes that may be under way at once; each takes 0.2 s of a processor before it connects."""

REAPED = 1.0
"""Seconds in which a process that was killed is gone, unless this host is in trouble."""

_TOLD = ("address", "port", "timeout", "login", "passwd", "database")


async def run_statement(target: Target, statement: str) -> str:
    """Return what came of the statement; raises CheckFailed without a row."""
    await connect.check(target)  # a server that is not there is not worth a process
    set_progress("connected, no answer to the login")
    told = {name: getattr(target, name) for name in _TOLD} | {"address": str(target.address), "request": statement}
    async with TURNS:
        return await _answer(json.dumps(told).encode())


async def _answer(told: bytes) -> str:
    loop = asyncio.get_running_loop()
    try:
        transport, child = await loop.subprocess_exec(
            _Child, *COMMAND, stderr=asyncio.subprocess.DEVNULL, env=environment(os.environ), start_new_session=True
        )
    except OSError as error:
        raise Inconclusive(f"cannot run {sys.executable}: {(error.strerror or str(error)).lower()}") from None
    try:
        child.tell(transport.get_pipe_transport(0), told)
        await asyncio.wait({child.done})  # which a cancellation leaves as it is
        return _verdict(child.said, transport.get_returncode())
    finally:
        if child.logged_in:
            set_progress("logged in, no answer to the query")
        if not child.done.done():
            with contextlib.suppress(ProcessLookupError):
                transport.kill()
            await asyncio.wait({child.done}, timeout=REAPED)
        transport.close()


def _verdict(said: str, status: int | None) -> str:
    """Return the word that a process said; raises CheckFailed for a reason, or an end without either."""
    verdict, _, word = said.rpartition("\n")[2].partition(" ")
    if verdict == UP:
        return word
    if verdict == DOWN:
        raise CheckFailed(word)
    raise CheckFailed(f"the driver failed over the answer (status {status}, {progress()})")


class _Child(asyncio.SubprocessProtocol):
    """The process; its state is what it said, and whether it is ``done``."""

    def __init__(self) -> None:
        self._said = bytearray()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def said(self) -> str:
        """Return what it said, without the end of the last line."""
        return self._said.decode("utf-8", "replace").rstrip("\n")

    @property
    def logged_in(self) -> bool:
        """Whether it said so."""
        return self._said.startswith(LOGGED_IN.encode())

    def tell(self, pipe: Any, data: bytes) -> None:
        """Write the data, and then the end, to its standard input, unless it has ended already."""
        if not pipe.is_closing():
            pipe.write(data)
            pipe.close()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep what it says."""
        self._said += data[: MAX_OUTPUT - len(self._said)]

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it has ended and said all."""
        if not self.done.done():
            self.done.set_result(None)
