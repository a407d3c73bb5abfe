"""The kernel is read when somebody asks, once for all who wait, and for a limited time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import pytest

from builders import service_key
from harness.director_site import WEB, destination
from ldirectord_py.daemon.control.servers import kernel_usage
from ldirectord_py.daemon.control.servers.kernel_usage import KernelUsage
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import DestinationKey, Service, ServiceKey, Usage
from ldirectord_py.report.events import Phase, Role, Written

ROW = destination(WEB, "10.1.0.1:80", 3)


class GatedKernel(MemoryKernel):
    """A kernel that answers while ``open``, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__([Service(service_key(WEB), "wrr"), ROW])
        self.open = asyncio.Event()
        self.open.set()
        self.asked = 0

    async def usage(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, Usage]:
        self.asked += 1
        await self.open.wait()
        return await super().usage(services)


def usage_of(kernel: MemoryKernel) -> KernelUsage:
    return KernelUsage(kernel, lambda: [service_key(WEB)])


async def test_a_reading_has_the_rows_by_their_services() -> None:
    reading = await usage_of(GatedKernel()).read()
    assert (reading.usage, reading.error) == ({ROW.key: Usage(3)}, None)
    assert reading.by_service == {service_key(WEB): [ROW.key]}


async def test_a_reading_is_shared_and_used_again_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = GatedKernel()
    usage = usage_of(kernel)
    kernel.open.clear()
    readers = [asyncio.create_task(usage.read()) for _ in range(5)]
    await asyncio.sleep(0.01)
    kernel.open.set()
    assert len({id(reading) for reading in await asyncio.gather(*readers)}) == 1
    await usage.read()
    assert kernel.asked == 1
    monkeypatch.setattr(kernel_usage, "MIN_READ_INTERVAL", 0.0)
    monkeypatch.setattr(kernel_usage, "MIN_REST", 0)
    await usage.read()
    assert kernel.asked == 2


async def test_a_kernel_that_does_not_answer_is_an_error_that_others_do_not_wait_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel_usage, "READ_TIMEOUT", 0.02)
    kernel = GatedKernel()
    usage = usage_of(kernel)
    kernel.open.clear()
    for _ in range(2):
        reading = await usage.read()
        assert (dict(reading.usage), reading.error) == ({}, "the kernel has not answered within 0.02 s")
    assert kernel.asked == 1
    await usage.close()


async def test_a_kernel_that_cannot_be_read_is_an_error() -> None:
    kernel = GatedKernel()
    kernel.broken = KernelError("no IPVS")
    usage = usage_of(kernel)
    assert (await usage.read()).error == "no IPVS"
    await usage.close()


async def test_a_reader_that_gives_up_ends_no_reading() -> None:
    kernel = GatedKernel()
    usage = usage_of(kernel)
    kernel.open.clear()
    first, second = asyncio.create_task(usage.read()), asyncio.create_task(usage.read())
    await asyncio.sleep(0.01)
    first.cancel()
    kernel.open.set()
    assert (await second).error is None


def written(address: str) -> Written:
    return Written(Op(Verb.ADD, destination(WEB, address)), None, Role.REAL, Phase.RUN, None, None)


async def test_a_reading_knows_the_rows_written_since_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = GatedKernel()
    usage = usage_of(kernel)
    usage(written("10.1.0.1:80"))  # nobody has read yet
    kernel.open.clear()
    reader = asyncio.create_task(usage.read())
    await asyncio.sleep(0.01)
    usage(written("10.1.0.2:80"))
    kernel.open.set()
    first = await reader
    usage(written("10.1.0.3:80"))
    assert first.changed == {destination(WEB, f"10.1.0.{number}:80").key for number in (2, 3)}
    monkeypatch.setattr(kernel_usage, "MIN_READ_INTERVAL", 0.0)
    monkeypatch.setattr(kernel_usage, "MIN_REST", 0)
    usage(written("10.1.0.4:80"))
    assert len(first.changed) == 2  # it is not used again
    assert (await usage.read()).changed == set()
