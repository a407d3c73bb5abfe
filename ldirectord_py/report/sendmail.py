"""Mails handed to the sendmail of this host."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from ldirectord_py.checks.command import environment
from ldirectord_py.report.carrier import MAIL_SECONDS, NotCarriedError, Refusal, Send, words
from ldirectord_py.report.letter import Letter

SENDMAIL: Final = "/usr/sbin/sendmail"


@asynccontextmanager
async def over_sendmail(program: str = SENDMAIL) -> AsyncIterator[Send]:
    """Hand mails to the local sendmail, which reads the recipients from the mail."""
    yield partial(_hand_over, program)


async def _hand_over(program: str, letter: Letter) -> Mapping[str, Refusal]:
    try:
        message = letter.message().replace(b"\r\n", b"\n")
    except ValueError as error:
        return dict.fromkeys(letter.recipients, Refusal(words(error), final=True))
    try:
        process = await asyncio.create_subprocess_exec(
            *(program, "-t", "-i"),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
            env=environment(os.environ),
        )
    except OSError as error:
        raise NotCarriedError(f"cannot run {program}: {words(error)}") from None
    try:
        async with asyncio.timeout(MAIL_SECONDS):
            await process.communicate(message)
    except TimeoutError:
        raise NotCarriedError(f"{program} did not end within {MAIL_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        raise NotCarriedError(f"{program} ended with status {process.returncode}")
    return {}
