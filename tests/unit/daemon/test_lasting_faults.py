"""A whole daemon on a kernel in memory with real servers: faults that last, of servers, the kernel and operators."""

from __future__ import annotations

import asyncio
import errno
from itertools import count
from pathlib import Path

import pytest

from builders import service_key
from harness.fakes.counted import checked, counted
from harness.fakes.scripted import servers
from harness.running_daemon import RunningDaemon, running_daemon
from harness.waiting import running_beside, until
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.table import Destination

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
VIRTUAL = "192.0.2.1:80"
WEB = f'virtual={VIRTUAL}\n    service=http\n    request="/"\n    receive="ok"\n'


def inside(place: RunningDaemon) -> int:
    """Return how many destinations the kernel has."""
    return sum(isinstance(row, Destination) for row in place.kernel.table.values())


def all_up(place: RunningDaemon) -> bool:
    return all(state.up for state in place.daemon.director.health.values())


async def named(place: RunningDaemon) -> list[str]:
    """Return the names of all events."""
    return [event["event"] for event in (await place.ask("events"))["events"]]


@pytest.mark.slow
@pytest.mark.parametrize(("failurecount", "stays"), [(1, False), (3, True)])
async def test_F9_one_slow_answer_of_five_takes_a_server_out_only_if_one_failure_does(
    tmp_path: Path, failurecount: int, stays: bool
) -> None:
    answers = count(1)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if next(answers) % 5 == 0:
            await asyncio.sleep(1)
        writer.write(OK)

    async with servers() as started:
        text = f"checkinterval=0.1\nnegotiatetimeout=0.5\nfailurecount={failurecount}\n{WEB}"
        text += f"    real=127.0.0.1:{await started.start(talk)} masq\n"
        async with running_daemon(tmp_path, text, probing=True) as place:
            await until(lambda: inside(place) == 1)
            place.kernel.written.clear()
            failed = place.daemon.director.tracker.results.counters
            await until(lambda: failed.recorded() - failed.passed() >= 3)
            assert (place.kernel.written == []) is stays
            (shown,) = (await place.ask("show", details=True))["virtuals"][0]["reals"]
            assert max(result["latency"] for result in shown["results"]) >= 0.5


@pytest.mark.slow
async def test_F18_a_daemon_whose_kernel_refuses_checks_on_and_writes_what_follows_from_it_later(
    tmp_path: Path,
) -> None:
    async with counted() as server, counted("127.0.0.2") as other:
        text = f"checkinterval=0.1\n{checked(server, other)}"
        async with running_daemon(tmp_path, text, probing=True) as place:
            await until(lambda: inside(place) == 2)
            for key in list(place.kernel.table):
                place.kernel.refusing[key] = errno.ENOMEM
            await server.close()
            await until(lambda: not all_up(place))
            connections = len(other.times)
            await until(lambda: len(other.times) > connections + 3)
            assert inside(place) == 2
            place.kernel.refusing.clear()
            await until(lambda: inside(place) == 1)

            place.kernel.broken = KernelError("access to the kernel's IPVS table is denied")
            await server.open()
            await until(lambda: all_up(place))
            await asyncio.sleep(0.3)
            assert inside(place) == 1
            place.kernel.broken = None
            await until(lambda: inside(place) == 2)
            names = await named(place)
            assert (names.count("row-refused"), names.count("kernel-lost"), names.count("kernel-found")) == (1, 1, 1)
            assert service_key(VIRTUAL) in place.kernel.table


@pytest.mark.slow
async def test_F26_a_reload_every_tenth_of_a_second_delays_no_detection(tmp_path: Path) -> None:
    interval = timeout = 1
    answering, reloads = asyncio.Event(), 0
    answering.set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await answering.wait()
        writer.write(OK)

    async def reload_again_and_again(place: RunningDaemon, text: str) -> None:
        nonlocal reloads
        client = await place.connect()
        for number in count():
            (tmp_path / "web.cf").write_text(f"{text}virtual=192.0.2.2:{number % 9 + 1}\n    checktype=on\n")
            await client.ask({"request": "reload"})
            reloads += 1
            await asyncio.sleep(0.1)

    async with servers() as started:
        port = await started.start(talk, "0.0.0.0")  # noqa: S104  twenty servers on loopback
        text = f"checkinterval={interval}\nnegotiatetimeout={timeout}\n{WEB}"
        text += "".join(f"    real=127.0.1.{number}:{port} masq\n" for number in range(1, 21))
        async with running_daemon(tmp_path, text, probing=True) as place:
            await until(lambda: inside(place) == 20)
            async with running_beside(reload_again_and_again(place, text)):
                await until(lambda: reloads > 3)
                answering.clear()
                before, began = reloads, asyncio.get_running_loop().time()
                await until(lambda: inside(place) == 0)  # a probe that each reload began anew would never end
                took = asyncio.get_running_loop().time() - began
            print(f"all out after {took:.1f} s, of {interval} and {timeout}, and {reloads - before} reloads")
            assert reloads - before >= 3
