"""Addresses of the page that cannot be used: each is logged once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from harness.waiting import running_beside
from ldirectord_py.config.model import Globals
from ldirectord_py.daemon.web.supervisor import PageSupervisor


@pytest.fixture
def taken() -> Iterator[list[str]]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        yield [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def no_child(_: socket.socket) -> asyncio.Task[None]:
    raise AssertionError("nothing is served")


async def logged_for(listen: list[str | None], caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the addresses of the errors, while each of ``listen`` is in force for a moment."""
    supervisor = PageSupervisor(no_child, Globals(listen=listen[0]))
    try:
        async with running_beside(supervisor.run()):
            for address in listen:
                supervisor.set_config(Globals(listen=address))
                await asyncio.sleep(0.05)
    finally:
        await supervisor.close()
    return [message.split()[6].rstrip(":") for message in caplog.messages if "cannot be served" in message]


async def test_another_address_with_the_same_fault_is_logged_too(
    taken: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert await logged_for([*taken], caplog) == taken


async def test_an_address_is_logged_again_after_the_page_was_switched_off(
    taken: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert await logged_for([taken[0], None, taken[0]], caplog) == [taken[0], taken[0]]
