from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import time
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import MAX_PROBES, concluded, probe
from ldirectord_py.checks.progress import set_progress
from ldirectord_py.errors import CheckFailed, Inconclusive
from ldirectord_py.health import Verdict

TARGET = Target(ip_address("192.0.2.1"), 80, 5.0, login="joe", passwd="hunter2", secret="xyzzy")


async def judged(error: BaseException, phase: str = "") -> tuple[Verdict, str]:
    async def check(_: Target) -> str:
        set_progress(phase)
        raise error

    result = await probe(check, TARGET)
    return result.verdict, result.reason


async def test_a_check_that_returns_is_up_with_its_word() -> None:
    async def check(_: Target) -> str:
        return "200 OK"

    result = await probe(check, TARGET)
    assert (result.verdict, result.reason) == (Verdict.UP, "200 OK")
    assert 0 <= result.seconds < 5


async def test_a_probe_begins_without_the_progress_of_the_one_before_it_in_its_task() -> None:
    async def wait(_: Target) -> str:
        await asyncio.sleep(5)
        return "up"

    before = await judged(OSError(errno.ECONNRESET, "x"), "connected, no greeting")
    assert before[1].endswith("(connected, no greeting)")
    assert (await probe(wait, replace(TARGET, timeout=0.05))).reason == "no answer within 0.05 s"
    assert (await probe(wait, replace(TARGET, timeout=0.05))).reason == "no answer within 0.05 s"


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
async def test_F34_a_fault_of_the_check_is_down_with_a_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        assert await judged(KeyError("oops")) == (Verdict.DOWN, "KeyError in the check (see the log)")
    [record] = caplog.records
    assert record.getMessage() == "check of 192.0.2.1 port 80 failed unexpectedly"
    assert record.exc_info is not None


async def test_the_deadline_is_down_with_the_phase_reached() -> None:
    async def check(_: Target) -> str:
        set_progress("connected, no greeting")
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


async def test_a_failure_is_in_doubt_where_this_process_stood_still_at_any_time_of_the_probe() -> None:
    async def check(_: Target) -> str:
        await asyncio.sleep(0.05)
        time.sleep(0.4)  # noqa: ASYNC251  the loop stands still, as in a stopped process
        await asyncio.sleep(0.05)
        raise CheckFailed("closed by server")

    result = await probe(check, TARGET)
    assert (result.verdict, result.conclusive_after) == (Verdict.DOWN, MAX_PROBES)
    assert concluded(result)[:2] == (Verdict.NONE, "this host stood still during the check: closed by server")


@pytest.mark.slow
@pytest.mark.parametrize(("stall", "verdict"), [(0.25, Verdict.DOWN), (1.0, Verdict.NONE)])
async def test_no_answer_in_all_its_time_is_the_servers_fault_where_it_repeats_itself(
    stall: float, verdict: Verdict
) -> None:
    async def check(_: Target) -> str:
        await asyncio.sleep(0.05)
        time.sleep(stall)  # noqa: ASYNC251  as above
        await asyncio.Event().wait()
        return "never"

    result = await probe(check, Target(TARGET.address, 80, 0.6))
    assert (result.verdict, result.conclusive_after > 1) == (Verdict.DOWN, True)
    assert concluded(result).verdict is verdict


async def test_a_success_is_never_in_doubt() -> None:
    async def check(_: Target) -> str:
        await asyncio.sleep(0)
        time.sleep(0.4)  # noqa: ASYNC251  as above
        return "word"

    assert (await probe(check, TARGET)).conclusive_after == 1


async def test_phases_do_not_leak_into_the_next_probe() -> None:
    await judged(CheckFailed("x"), "connected, no greeting")

    async def check(_: Target) -> str:
        raise ConnectionResetError(errno.ECONNRESET, "x")

    assert (await probe(check, TARGET)).reason == "reset by server"


async def test_F51_what_a_server_echoes_of_our_secrets_is_masked() -> None:
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
