"""Each callback of an event loop is a turn of its own; what runs beside the loop, or in another thread, is none."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from harness.loop_turns import CALLBACK_AT, LoopTurns

LOOPS = (asyncio.new_event_loop, uvloop.new_event_loop)


@pytest.fixture
def turns() -> Iterator[LoopTurns]:
    counting = LoopTurns()
    yield counting
    counting.close()


def run(loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_every_callback_has_a_number_of_its_own(
    turns: LoopTurns, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    seen: list[int] = []

    def see() -> None:
        seen.append(turns.current)

    def see_once(remove: Callable[[socket.socket], object], watched: socket.socket) -> None:
        see()
        remove(watched)

    async def main() -> None:
        running = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as client:
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
            running.add_signal_handler(signal.SIGUSR1, see)
            running.add_writer(client, see_once, running.remove_writer, client)
            running.add_reader(listening, see_once, running.remove_reader, listening)
            running.call_soon(see)
            running.call_soon_threadsafe(see)
            running.call_later(0.001, see)
            running.call_at(running.time() + 0.001, see)
            os.kill(os.getpid(), signal.SIGUSR1)
            see()
            while len(seen) < 8:
                await asyncio.sleep(0.001)
            running.remove_signal_handler(signal.SIGUSR1)

    run(loop, main)
    assert turns.current == 0
    assert len(set(seen) - {0}) == 8


@pytest.mark.parametrize("loop", LOOPS)
def test_each_step_of_a_task_is_a_turn(turns: LoopTurns, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    seen: list[int] = []

    async def main() -> None:
        for _ in range(3):
            seen.append(turns.current)
            await asyncio.sleep(0)

    run(loop, main)
    run(loop, main)
    assert len(set(seen) - {0}) == 6


@pytest.mark.parametrize("loop", LOOPS)
def test_loops_of_other_threads_do_not_count(turns: LoopTurns, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    seen: list[int] = []

    async def main() -> None:
        seen.append(turns.current)

    thread = threading.Thread(target=run, args=(loop, main))
    thread.start()
    thread.join()
    assert seen == [0]


def test_a_turn_goes_on_after_one_that_was_called_in_it(turns: LoopTurns) -> None:
    def outer() -> tuple[int, int, int]:
        return turns.current, turns.run(lambda: turns.current), turns.current

    before, within, after = turns.run(outer)
    assert before == after != within
    with pytest.raises(ZeroDivisionError):
        turns.run(lambda: 1 // 0)
    assert turns.current == 0


def test_afterwards_the_loops_are_as_before() -> None:
    before = asyncio.Handle._run, {name: vars(uvloop.Loop).get(name) for name in CALLBACK_AT}
    LoopTurns().close()
    assert before == (asyncio.Handle._run, {name: vars(uvloop.Loop).get(name) for name in CALLBACK_AT})
