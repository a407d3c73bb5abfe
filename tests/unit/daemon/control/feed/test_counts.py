"""The kernel's counts are read seldom and in parts, and only differences are said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping

import pytest

from builders import KINDS, config, virtual
from harness.director_site import WEB, destination
from ldirectord_py.daemon.control.feed import counts as counting
from ldirectord_py.daemon.control.feed.counts import FeedCounts
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, Service, ServiceKey, Usage

OTHER = "10.0.0.2:80"
SITE = compile_config(config(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80"), virtual(OTHER, "10.1.0.9:80")), KINDS)
WEB_KEY, OTHER_KEY = SITE.virtuals
ONE, TWO = destination(WEB, "10.1.0.1:80", 1), destination(WEB, "10.1.0.2:80", 1)
ELSEWHERE = destination(OTHER, "10.1.0.9:80", 1)


class CountedKernel(MemoryKernel):
    """A kernel that keeps which services it was asked for, and answers while ``open``."""

    def __init__(self) -> None:
        super().__init__([*(Service(key, "wrr") for key in SITE.virtuals), ONE, TWO, ELSEWHERE])
        self.asked: list[list[ServiceKey]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def usage(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, Usage]:
        self.asked.append(list(services))
        await self.open.wait()
        return await super().usage(services)

    async def edit(self, row: Destination, verb: Verb = Verb.EDIT) -> None:
        assert not await self.apply([Op(verb, row)])


class Counts:
    """Counts that were read once, and are read again whenever ``refresh`` is called."""

    def __init__(self) -> None:
        self.kernel = CountedKernel()
        self.counts = FeedCounts(self.kernel)

    async def refresh(self) -> tuple[set[DestinationKey], set[DestinationKey]]:
        changed = await self.counts.refresh(SITE)
        return set(changed.rows), set(changed.counts)


@pytest.fixture
async def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    for name in ("COUNTS_INTERVAL", "COUNTS_REST", "WRITES_INTERVAL", "WRITES_REST"):
        monkeypatch.setattr(counting, name, 0)
    counts = Counts()
    assert await counts.refresh() == ({ONE.key, TWO.key, ELSEWHERE.key}, set())
    return counts


async def test_only_differences_are_said(counts: Counts) -> None:
    assert await counts.refresh() == (set(), set())
    counts.kernel.connected[ONE.key] = 5
    await counts.kernel.edit(TWO._replace(weight=0))
    assert await counts.refresh() == ({TWO.key}, {ONE.key})
    assert counts.counts.reading.usage[ONE.key] == Usage(1, 5)


async def test_rows_come_and_go(counts: Counts) -> None:
    await counts.kernel.edit(TWO, Verb.DELETE)
    assert await counts.refresh() == ({TWO.key}, set())
    assert counts.counts.reading.by_service[WEB_KEY] == [ONE.key]
    await counts.kernel.edit(TWO, Verb.ADD)
    assert await counts.refresh() == ({TWO.key}, set())
    assert set(counts.counts.reading.by_service[WEB_KEY]) == {ONE.key, TWO.key}


async def test_a_row_that_was_written_can_be_judged_after_the_next_reading(counts: Counts) -> None:
    counts.counts.record_write(ONE.key)
    assert counts.counts.reading.changed == {ONE.key}
    assert await counts.refresh() == ({ONE.key}, set())
    assert counts.counts.reading.changed == set()


async def test_what_is_written_during_a_reading_is_judged_after_the_next_one(counts: Counts) -> None:
    counts.kernel.open.clear()
    reading = asyncio.create_task(counts.refresh())
    await asyncio.sleep(0.01)
    counts.counts.record_write(ONE.key)
    counts.kernel.open.set()
    assert await reading == (set(), set())
    assert counts.counts.reading.changed == {ONE.key}
    assert await counts.refresh() == ({ONE.key}, set())


async def test_it_is_read_seldom_but_soon_where_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "WRITES_INTERVAL", 0.0)
    monkeypatch.setattr(counting, "WRITES_REST", 0)
    counts = Counts()
    await counts.refresh()
    assert await counts.refresh() == (set(), set())
    assert len(counts.kernel.asked) == 1
    counts.counts.record_write(ELSEWHERE.key)
    await counts.refresh()
    assert counts.kernel.asked[1:] == [[OTHER_KEY]]


async def test_large_tables_are_read_in_parts(counts: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "ROWS_AT_ONCE", 1)
    await counts.refresh()
    assert counts.kernel.asked[-2:] == [[WEB_KEY], [OTHER_KEY]]


async def test_a_kernel_that_fails_or_hangs_has_no_rows(counts: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    counts.kernel.broken = KernelError("no table")
    assert await counts.refresh() == (set(), set())
    assert (counts.counts.reading.error, counts.counts.reading.usage) == ("no table", {})
    counts.kernel.broken = None
    monkeypatch.setattr(counting, "READ_TIMEOUT", 0.05)
    counts.kernel.open.clear()
    await counts.refresh()
    assert counts.counts.reading.error == "the kernel has not answered within 0.05 s"
    counts.kernel.open.set()
    before = time.monotonic()
    assert await counts.refresh() == ({ONE.key, TWO.key, ELSEWHERE.key}, set())
    assert counts.counts.reading.error is None
    assert before <= counts.counts.reading.at <= time.monotonic()
