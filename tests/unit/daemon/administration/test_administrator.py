"""What operators do to servers lasts over restarts, follows reloads, and ends when its time is over."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from builders import KINDS, config, real, up, virtual
from harness.director_site import WEB, Site
from ldirectord_py.administration import ABSENT_TIME, AdministrativeState, Decision, Entries
from ldirectord_py.config.model import Config
from ldirectord_py.daemon.administration import administrator
from ldirectord_py.daemon.administration.administrator import Administrator, TooManyEntriesError
from ldirectord_py.daemon.administration.files import read_file, write_file
from ldirectord_py.daemon.administration.state_file import StateFile
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.saved_state import ADMINISTRATION, SavedState, read_administration

ONE, TWO = "10.1.0.1:80", "10.1.0.2:80"
DRAIN, DISABLED, READY = AdministrativeState.DRAIN, AdministrativeState.DISABLED, AdministrativeState.READY
SITE = config(virtual(WEB, ONE, TWO))
NOW = 1_700_000_000.0


class Daemon:
    """A director and its administrator, on a kernel and a state file that outlive them, with a clock of its own."""

    def __init__(self, path: Path, kernel: MemoryKernel, now: float = NOW, site: Config = SITE) -> None:
        self.path = path
        self.now = now
        self.site = Site(kernel, site)
        self.director = self.site.director
        self.administrator = Administrator(self.director, StateFile(path, "web.cf"), lambda: self.now)
        self.director._listeners = [*self.director._listeners, self.administrator]

    async def start(self) -> None:
        await self.administrator.start()
        await self.director.start()
        await self.site.check(up())

    async def stop(self) -> None:
        await self.administrator.close(5)

    def administer(self, address: str, state: AdministrativeState, until: float | None = None) -> None:
        chosen = [each for each in self.director.compiled.reals() if str(each.real) == address]
        self.administrator.administer(chosen, state, Decision("alice", self.now, "new kernel", until))

    async def weights(self) -> dict[str, int]:
        await self.director.reconcile()
        return self.site.weights

    def saved(self) -> Entries:
        return read_administration(read_file(self.path, "web.cf").sections[ADMINISTRATION])[0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web.cf.json"


async def test_a_drain_outlives_the_daemon_and_its_kernel(path: Path) -> None:
    first = Daemon(path, MemoryKernel())
    await first.start()
    first.administer(ONE, DRAIN)
    assert await first.weights() == {ONE: 0, TWO: 1}
    await first.stop()
    for kernel in (first.site.kernel, MemoryKernel()):
        kernel.written.clear()
        after = Daemon(path, kernel)
        await after.start()
        assert await after.weights() == {ONE: 0, TWO: 1}
        assert f"{ONE} masq 1" not in str(kernel.written)
    after.administer(ONE, READY)
    assert await after.weights() == {ONE: 1, TWO: 1}
    await after.stop()
    assert after.saved() == {}


async def test_a_start_logs_what_stays(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    many = [f"10.1.0.{number}:80" for number in range(1, 13)]
    first = Daemon(path, MemoryKernel(), site=config(virtual(WEB, *many)))
    await first.start()
    for address in many:
        first.administer(address, DRAIN)
    await first.stop()
    caplog.clear()
    await Daemon(path, first.site.kernel).administrator.start()
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == f"Real server {ONE} (tcp:{WEB}) stays drained by alice: new kernel"
    assert lines[10:] == ["2 more real servers stay drained or disabled"]


async def test_a_name_that_moves_stays_drained_after_a_restart(path: Path) -> None:
    named = config(virtual(WEB, real(ONE, name="web1"), TWO))
    moved = config(virtual(WEB, real("10.1.0.9:80", name="web1"), TWO))
    first = Daemon(path, MemoryKernel(), site=named)
    await first.start()
    first.administer(ONE, DISABLED)
    await first.director.reload(compile_config(moved, KINDS))
    await first.stop()
    assert [entry.real for entry in first.saved().values()] == ["10.1.0.9:80"]
    after = Daemon(path, first.site.kernel, site=moved)
    await after.start()
    assert await after.weights() == {TWO: 1}


async def test_F42_until_ends_it_also_when_the_clock_jumps(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administrator, "EXPIRY_INTERVAL", 0.01)
    daemon = Daemon(path, MemoryKernel())
    await daemon.start()
    running = asyncio.create_task(daemon.administrator.run())
    daemon.administer(ONE, DRAIN, until=NOW + 3600)
    daemon.now = NOW - 86_400
    await asyncio.sleep(0.05)
    assert await daemon.weights() == {ONE: 0, TWO: 1}
    daemon.site.lines.clear()
    daemon.now = NOW + 3600
    await asyncio.sleep(0.1)
    assert await daemon.weights() == {ONE: 1, TWO: 1}
    assert daemon.site.lines[0].startswith(
        f"Real server {ONE} (tcp:{WEB}) is ready again, its time is over, it was drai"
    )
    daemon.now = NOW
    await asyncio.sleep(0.05)
    assert await daemon.weights() == {ONE: 1, TWO: 1}
    running.cancel()


async def cpu_time_of_ending(path: Path, count: int) -> float:
    """Return the seconds of CPU time that the end of so many drains takes, half of them of servers that have left."""
    servers = [f"10.{number >> 8}.{number & 255}.1:80" for number in range(count)]
    daemon = Daemon(path, MemoryKernel(), site=config(virtual(WEB, *servers)))
    await daemon.administrator.start()
    await daemon.director.start()
    drain = Decision("alice", NOW, until=NOW + 60)
    daemon.administrator.administer(list(daemon.director.compiled.reals()), DRAIN, drain)
    await daemon.director.reload(compile_config(config(virtual(WEB, *servers[::2])), KINDS))
    daemon.now = NOW + 61
    began = time.process_time()
    daemon.administrator._end_what_is_over()
    taken = time.process_time() - began
    assert daemon.director.entries == {}
    return taken


@pytest.mark.slow
async def test_many_ends_take_no_more_time_each_than_few(path: Path) -> None:
    few = min([await cpu_time_of_ending(path, 400) for _ in range(3)])
    many = min([await cpu_time_of_ending(path, 4000) for _ in range(2)])
    assert many < 30 * few  # ten times as many; with a square it would be a hundred times


async def test_what_ended_while_the_daemon_was_off_is_ready_at_the_start(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first = Daemon(path, MemoryKernel())
    await first.start()
    first.administer(ONE, DRAIN, until=NOW + 60)
    await first.weights()
    await first.stop()
    after = Daemon(path, first.site.kernel, now=NOW + 61)
    await after.start()
    assert await after.weights() == {ONE: 1, TWO: 1}
    assert f"Real server {ONE} (tcp:{WEB}) is ready again, its time is over, it was drained by alice" in caplog.text


async def test_a_server_that_left_the_file_is_drained_when_it_comes_back_within_a_day(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(administrator, "EXPIRY_INTERVAL", 0.01)
    daemon = Daemon(path, MemoryKernel())
    await daemon.start()
    daemon.administer(ONE, DRAIN)
    await daemon.director.reload(compile_config(config(virtual(WEB, TWO)), KINDS))
    await daemon.director.reload(compile_config(SITE, KINDS))
    await daemon.site.check(up())
    assert await daemon.weights() == {ONE: 0, TWO: 1}
    await daemon.director.reload(compile_config(config(virtual(WEB, TWO)), KINDS))
    daemon.now += ABSENT_TIME
    running = asyncio.create_task(daemon.administrator.run())
    await asyncio.sleep(0.1)
    running.cancel()
    assert f"Real server {ONE} (tcp:{WEB}) is ready again" in caplog.text
    assert daemon.director.entries == {}


async def test_invalid_entries_are_left_out_and_the_others_count(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = Daemon(path, MemoryKernel())
    await first.start()
    first.administer(ONE, DRAIN)
    await first.stop()
    section = read_file(path, "web.cf").sections[ADMINISTRATION]
    write_file(
        path, SavedState({ADMINISTRATION: {**section, "servers": [*section["servers"], {"state": "x"}]}}), "web.cf"
    )
    after = Daemon(path, first.site.kernel)
    await after.start()
    assert await after.weights() == {ONE: 0, TWO: 1}
    assert "server 2 of its section administration is invalid" in caplog.text
    write_file(path, SavedState({ADMINISTRATION: {"version": 2}}), "web.cf")
    last = Daemon(path, first.site.kernel)
    await last.start()
    assert await last.weights() == {ONE: 1, TWO: 1}
    assert "its section administration has" in caplog.text


async def test_entries_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administrator, "MAX_ENTRIES", 1)
    daemon = Daemon(path, MemoryKernel())
    await daemon.start()
    daemon.administer(ONE, DRAIN)
    daemon.administer(ONE, DISABLED)
    with pytest.raises(TooManyEntriesError):
        daemon.administer(TWO, DRAIN)
    assert await daemon.weights() == {TWO: 1}


async def test_a_fault_of_ours_does_not_end_the_daemon(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(administrator, "EXPIRY_INTERVAL", 0.01)
    daemon = Daemon(path, MemoryKernel())
    await daemon.start()
    daemon.administer(ONE, DRAIN)
    monkeypatch.setattr(administrator, "is_over", lambda *_: 1 / 0)
    running = asyncio.create_task(daemon.administrator.run())
    await asyncio.sleep(0.05)
    assert not running.done()
    running.cancel()
    assert "Ending the time of drained servers failed" in caplog.text
