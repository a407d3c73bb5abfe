"""A daemon that was suspended, as on a paused or overloaded host, removes no server because of that."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from bench.configurations import configuration
from bench.ours import Ours
from harness.fakes.scripted import Talk
from harness.fakes.threaded import ThreadedServers
from harness.lab.namespace import eventually

REALS = 100
EVERYWHERE = "0.0.0.0"  # noqa: S104  a hundred servers, all on loopback
INTERVAL, TIMEOUT = 2, 2
SMTP = "service = smtp"


async def leisurely(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak SMTP, and take a tenth of a second for each answer."""
    for answer in (b"220 ready\r\n", b"250 hello\r\n", b"221 bye\r\n"):
        await asyncio.sleep(0.1)
        writer.write(answer)
        if not await reader.readline():
            return


async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak SMTP as slowly, and hang up on whoever is silent for a second."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await leisurely(reader, writer)


def stand_still(pid: int, seconds: float) -> None:
    """Stop a process for so long."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("talk", "seconds"),
    [
        pytest.param(leisurely, 1.9, id="nearly the timeout"),
        pytest.param(leisurely, 2.5, id="over the timeout"),
        pytest.param(impatient, 3.0, id="while servers hang up"),
    ],
)
@pytest.mark.difference("A failure while the director stood still (stopped, without a processor)")
def test_F43_servers_that_are_well_stay_in_while_the_daemon_stands_still_and_a_dead_one_goes(
    talk: Talk, seconds: float, tmp_path: Path
) -> None:
    with ThreadedServers() as elsewhere, ExitStack() as mortal:
        port, other = elsewhere.start(talk, EVERYWHERE), mortal.enter_context(ThreadedServers()).start(talk, EVERYWHERE)
        dies = f"127.0.2.1:{other}"
        reals = [*(f"127.0.1.{number}:{port}" for number in range(1, REALS)), dies]
        with Ours(tmp_path, configuration({"10.9.0.1:80": reals}, SMTP, INTERVAL, TIMEOUT)) as daemon:
            eventually(lambda: daemon.log().count("Added real server") == REALS, 30, daemon.log)
            for _ in range(3):
                stand_still(daemon.pid, seconds)
                time.sleep(TIMEOUT + INTERVAL + 0.7)
            assert out(daemon) == []
            mortal.close()
            stand_still(daemon.pid, seconds)
            eventually(lambda: out(daemon) != [], 30, daemon.log)
            assert [line for line in out(daemon) if dies not in line] == []


def out(daemon: Ours) -> list[str]:
    """Return the lines of servers that were taken out."""
    return [line for line in daemon.log().splitlines() if "Deleted real server" in line]
