from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import time
from ipaddress import ip_address

import pytest

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.phase import reached
from ldirectord_py.checks.probe import probe
from ldirectord_py.errors import CheckFailed, Inconclusive
from ldirectord_py.health import Verdict

TARGET = Target(ip_address("192.0.2.1"), 80, 5.0, login="joe", passwd="hunter2", secret="xyzzy")


async def judged(error: BaseException, phase: str = "") -> tuple[Verdict, str]:
    async def check(_: Target) -> str:
        reached(phase)
        raise error

    result = await probe(check, TARGET)
    return result.verdict, result.reason


async def test_a_check_that_returns_is_up_with_its_word() -> None:
    async def check(_: Target) -> str:
        return "200 OK"

    result = await probe(check, TARGET)
    assert (result.verdict, result.reason) == (Verdict.UP, "200 OK")
    assert 0 <= result.seconds < 5


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CheckFailed("404 Not Found"), "404 Not Found"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connect refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "reset by server"),
        (ConnectionResetError(), "TLS: closed by server in the handshake"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (OSError(errno.ENETUNREACH, "x"), "network unreachable"),
        (PermissionError(errno.EACCES, "x"), "connect prohibited"),
        (socket.gaierror(socket.EAI_NONAME, "Unknown"), "name lookup failed: unknown"),
        (TimeoutError(errno.ETIMEDOUT, "x"), "connect timed out"),
        (OSError("Multiple exceptions: a, b"), "Multiple exceptions: a, b"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "TLS: protocol error"),
    ],
)
async def test_the_servers_faults_are_down(error: Exception, reason: str) -> None:
    assert (Verdict.DOWN, reason) == await judged(error)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Inconclusive("no descriptor left"), "no descriptor left"),
        (OSError(errno.EMFILE, "x"), "too many open files"),
        (OSError(errno.ENFILE, "x"), "too many open files in system"),
        (OSError(errno.ENOBUFS, "x"), "no buffer space available"),
        (OSError(errno.ENOSPC, "x"), "no more sockets can be watched: raise fs.epoll.max_user_watches"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "no local address or port left"),
        (OSError(errno.ENETDOWN, "x"), "network is down"),
        (BlockingIOError(errno.EAGAIN, "x"), "resource temporarily unavailable"),
        (OSError(errno.EADDRINUSE, "x"), "no local address or port left"),
        (OSError(errno.EAFNOSUPPORT, "x"), "this host does not support this kind of address"),
        (OSError(errno.EIO, "x"), "input/output error"),
        (PermissionError(errno.EPERM, "x"), "connect not permitted by this host"),
        (socket.gaierror(socket.EAI_AGAIN, "Try again"), "name lookup failed: try again"),
        (socket.gaierror(socket.EAI_FAIL, "Failure"), "name lookup failed: failure"),
        (RuntimeError("can't start new thread"), "can't start new thread"),
        (MemoryError(), "out of memory"),
    ],
)
async def test_faults_of_this_host_say_nothing_about_the_server(error: Exception, reason: str) -> None:
    assert (Verdict.NONE, reason) == await judged(error)


async def test_the_reason_of_a_reset_tells_how_far_the_check_was() -> None:
    error = ConnectionResetError(errno.ECONNRESET, "x")
    expected = (Verdict.DOWN, "reset by server (connected, no greeting)")
    assert expected == await judged(error, "connected, no greeting")
    assert await judged(error, "not connected") == (Verdict.DOWN, "reset by server")


@pytest.mark.unexpected
async def test_a_fault_of_the_check_is_down_with_a_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        assert await judged(KeyError("oops")) == (Verdict.DOWN, "KeyError in the check (see the log)")
    [record] = caplog.records
    assert record.getMessage() == "check of 192.0.2.1 port 80 failed unexpectedly"
    assert record.exc_info is not None


async def test_the_deadline_is_down_with_the_phase_reached() -> None:
    async def check(_: Target) -> str:
        reached("connected, no greeting")
        await asyncio.Event().wait()
        return "never"

    result = await probe(check, Target(TARGET.address, 80, 0.05))
    expected = (Verdict.DOWN, "no answer within 0.05 s (connected, no greeting)")
    assert expected == (result.verdict, result.reason)


async def test_a_deadline_holds_also_where_the_check_turns_it_into_another_error() -> None:
    async def check(_: Target) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError(errno.EMFILE, "x")

    result = await probe(check, Target(TARGET.address, 80, 0.05))
    assert (result.verdict, result.reason) == (Verdict.DOWN, "no answer within 0.05 s")


async def test_a_deadline_that_this_host_slept_through_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(_: Target) -> str:
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251  the loop stands still, as on a stopped host
        await asyncio.Event().wait()
        return "never"

    monkeypatch.setattr("ldirectord_py.checks.deadline.OVERSLEPT", 0.05)
    result = await probe(check, Target(TARGET.address, 80, 0.05))
    assert Verdict.NONE is result.verdict
    assert result.reason.endswith("s late to look for the answer")


async def test_phases_do_not_leak_into_the_next_probe() -> None:
    await judged(CheckFailed("x"), "connected, no greeting")

    async def check(_: Target) -> str:
        raise ConnectionResetError(errno.ECONNRESET, "x")

    assert (await probe(check, TARGET)).reason == "reset by server"


async def test_what_a_server_echoes_of_our_secrets_is_masked() -> None:
    expected = (Verdict.DOWN, "login refused: joe *** ***")
    assert expected == await judged(CheckFailed("login refused: joe hunter2 xyzzy"))


async def test_cancelling_passes() -> None:
    started = asyncio.Event()

    async def check(_: Target) -> str:
        started.set()
        await asyncio.Event().wait()
        return "never"

    task = asyncio.create_task(probe(check, TARGET))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
