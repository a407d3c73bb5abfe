"""A process of the page that cannot serve: logged once, tried again, and nobody waits for an answer meanwhile."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harness.waiting import running_beside
from ldirectord_py.config.model import Globals
from ldirectord_py.daemon.web import process, supervisor
from ldirectord_py.daemon.web.listening import SEND_BUFFER
from ldirectord_py.daemon.web.supervisor import PageSupervisor
from ldirectord_py.runtime import respawning

FAILING = ("/bin/sh", "-c", "echo no such thing; exit 1", "page")
STAYING = ("/bin/cat", "-", "page")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", supervisor.logger.name)
    monkeypatch.setattr(respawning, "MIN_DELAY", 0.2)
    monkeypatch.setattr(respawning, "MAX_DELAY", 0.4)
    monkeypatch.setattr(supervisor, "STABLE_TIME", 2.0)  # longer than a shell takes on a busy host


@asynccontextmanager
async def supervised(port: int) -> AsyncIterator[PageSupervisor]:
    tasks = set()

    def child(ours: socket.socket) -> asyncio.Task[None]:
        tasks.add(task := asyncio.create_task(held(ours)))
        return task

    made = PageSupervisor(child, Globals(listen=f"127.0.0.1:{port}"))
    try:
        async with running_beside(made.run()):
            yield made
    finally:
        await made.close()


async def held(ours: socket.socket) -> None:
    with ours:
        await asyncio.Event().wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


async def accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def until_it_is_said(words: str, caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.timeout(20):
        while not any(line.endswith(words) or f" {words}:" in line for line in caplog.messages):
            await asyncio.sleep(0.02)


async def until_it_accepts(port: int, expected: bool) -> None:
    async with asyncio.timeout(10):
        while await accepts(port) is not expected:
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_while_no_process_can_serve_connections_are_refused_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "page_command", lambda: FAILING)
    port = free_port()
    async with supervised(port):
        await until_it_accepts(port, True)
        for _ in range(3):
            await until_it_accepts(port, False)
            await asyncio.sleep(0.4)
        monkeypatch.setattr(process, "page_command", lambda: STAYING)
        await until_it_is_said("again", caplog)
        assert await accepts(port)
    lines = [line for line in caplog.messages if "page" in line]
    served = f"The page is served at http://127.0.0.1:{port}/"
    ended = 'The process of the page ended with status 1: "no such thing"; it is started again in 0.2 s'
    assert lines == [served, ended, f"{served} again"]


@pytest.mark.slow
async def test_a_port_that_another_process_took_meanwhile_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "page_command", lambda: FAILING)
    port = free_port()
    async with supervised(port):
        await until_it_accepts(port, True)
        await until_it_accepts(port, False)
        with socket.create_server(("127.0.0.1", port)):
            monkeypatch.setattr(process, "page_command", lambda: STAYING)
            await until_it_is_said("any more", caplog)
        await until_it_is_said("/ again", caplog)
    lines = [line for line in caplog.messages if f":{port}" in line]
    served = f"The page is served at http://127.0.0.1:{port}/"
    taken = (
        f"The page cannot be served at 127.0.0.1:{port} any more: Address already in use; it is started again in 0.4 s"
    )
    assert lines == [served, taken, f"{served} again"]


async def test_the_kernel_keeps_little_for_a_client_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "page_command", lambda: STAYING)
    port = free_port()
    async with supervised(port) as made:
        await until_it_accepts(port, True)
        assert made._listening
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = await asyncio.get_running_loop().sock_accept(made._listening)
            with accepted:
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * SEND_BUFFER
