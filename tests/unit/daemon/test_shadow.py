"""A daemon that writes nothing, beside a table that the test keeps as another director would."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from builders import KINDS, config, virtual
from contract.saved_table import parse
from harness.waiting import until
from ldirectord_py.config.load import load
from ldirectord_py.daemon import shadow as module
from ldirectord_py.daemon.configuration import reload
from ldirectord_py.daemon.reconciler import draining
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.shadow import Shadow, start_shadow
from ldirectord_py.divergences import Divergence
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.ipvsadm import command
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, ServiceKey

TIMEOUT = 20.0


class Site:
    """A configuration with a server on a free port, the other director's table, and what was reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.path = folder / "web.cf"
        self.write()
        rows = f"-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 127.0.0.1:{self.port} -m -w 1\n"
        self.kernel = MemoryKernel(parse(rows).values())
        self.reported: list[tuple[str, bool, str]] = []

    def write(self, more: str = "") -> None:
        marker = f"touch {self.folder}/ran"
        self.path.write_text(
            f'checkinterval=1\nautoreload=yes\ncallback="{marker}"\nfallbackcommand="{marker}"\nnotify="{marker}"\n'
            f"virtual=192.0.2.1:80\n    real=127.0.0.1:{self.port} masq\n    checktype=connect\n"
            f'    monitorfile="{self.folder}/monitor"\n{more}'
        )

    def replace_server(self) -> None:
        """Have another server in the file, so that the row of this one drains."""
        self.path.write_text(self.path.read_text().replace(f"real=127.0.0.1:{self.port}", "real=127.0.0.1:9"))

    @property
    def row(self) -> Destination:
        """The row of the server, whatever its weight."""
        (found,) = [row for row in self.kernel.table.values() if isinstance(row, Destination)]
        return found

    def report(self, divergence: Divergence, reason: str) -> None:
        self.reported.append((command(divergence.op), divergence.over is None, reason))

    @asynccontextmanager
    async def shadow(self) -> AsyncIterator[Shadow]:
        shadow = await start_shadow(load(self.path), self.path, self.kernel, self.report)
        running = asyncio.create_task(shadow.run())
        try:
            yield shadow
        finally:
            running.cancel()
            await asyncio.gather(running, shadow.close(), return_exceptions=True)

    async def reports(self, number: int) -> None:
        await until(lambda: len(self.reported) >= number)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(module, "COMPARE_INTERVAL", 0.05)
    monkeypatch.setattr(module, "SLACK", -0.9)  # a tenth of a second with the interval
    monkeypatch.setattr(reload, "WATCH_INTERVAL", 0.1)
    site = Site(tmp_path)
    with site.server:
        yield site


@pytest.mark.slow
async def test_a_server_that_both_find_down_is_no_difference(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLACK", 0.5)
    async with site.shadow() as shadow:
        await until(lambda: shadow.comparison.count > 2)
        site.server.close()
        await until(lambda: not shadow.director.tracker.table.up)
        await site.kernel.apply([Op(Verb.DELETE, site.row)])
        await asyncio.sleep(2)
        assert (site.reported, shadow.comparison.tracker.pending) == ([], 0)


async def test_a_difference_is_reported_with_the_reason_and_when_it_is_over(site: Site) -> None:
    row = site.row
    before = site.kernel.table
    async with site.shadow():
        site.server.close()
        await site.reports(1)
        text, began, reason = site.reported[0]
        assert (text, began) == (f"ipvsadm -d -t 192.0.2.1:80 -r 127.0.0.1:{site.port}", True)
        assert reason.startswith("down: ")
        assert "refused" in reason
        assert site.kernel.table == before
        await site.kernel.apply([Op(Verb.DELETE, row)])
        await site.reports(2)
        assert site.reported[1][:2] == (text, False)


async def test_a_shadow_keeps_nothing_of_what_it_once_wrote_or_of_servers_that_left(site: Site) -> None:
    async with site.shadow() as shadow:
        site.server.close()
        await until(lambda: list(shadow.comparison._reasons) == [site.row.key])
        site.replace_server()
        await until(lambda: site.row.key not in shadow.director.health)
        await until(lambda: site.row.key not in shadow.comparison._reasons)
        await until(lambda: shadow._own.written == [])


async def test_other_differences_have_their_reasons(site: Site) -> None:
    key = site.row.key
    foreign = site.row._replace(key=type(key)(key.service, key.address, 1))
    await site.kernel.apply([Op(Verb.ADD, foreign)])
    site.write("    fallback=127.0.0.1:7 masq\n    scheduler=rr\n")
    async with site.shadow() as shadow:
        await site.reports(2)
        assert [(began, reason) for _, began, reason in site.reported] == [
            (True, ""),
            (True, "the configuration has no such server"),
        ]
        site.server.close()
        await site.reports(4)
        assert {reason for *_, reason in site.reported[2:]} >= {"the fallback, as no real server is up"}
        assert shadow.comparison.tracker.count >= 4


async def test_nothing_is_written_or_run(site: Site) -> None:
    before, files = site.kernel.table, sorted(site.folder.iterdir())
    async with site.shadow() as shadow:
        site.server.close()
        await site.reports(1)
        site.write("    scheduler=rr\n")
        await until(lambda: shadow.director.compiled.config.virtuals[0].scheduler == "rr")
        await site.reports(2)
    assert site.kernel.written == []
    assert site.kernel.table == before
    assert sorted(site.folder.iterdir()) == files


async def test_a_kernel_out_of_reach_is_logged_once_and_compared_later(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with site.shadow() as shadow:
        await until(lambda: shadow.comparison.count > 0)
        site.kernel.broken = KernelError("busy")
        await until(lambda: bool(caplog.messages))
        await asyncio.sleep(0.3)
        seen = shadow.comparison.count
        site.kernel.broken = None
        await until(lambda: shadow.comparison.count > seen)
    assert caplog.messages.count("The kernel's table cannot be compared now: busy") == 1


async def test_without_a_table_it_does_not_start(site: Site) -> None:
    site.kernel.broken = KernelError("no IPVS")
    with pytest.raises(KernelError, match="no IPVS"):
        await start_shadow(load(site.path), site.path, site.kernel, site.report)


def counts(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that tells of each count of connections whether the kernel was in reach."""
    counted: list[bool] = []
    connections = site.kernel.connections

    async def count(services: Collection[ServiceKey]) -> Mapping[DestinationKey, int]:
        counted.append(site.kernel.broken is None)
        return await connections(services)

    monkeypatch.setattr(site.kernel, "connections", count)
    return counted


async def test_the_row_of_a_server_that_left_stays_while_the_kernel_counts_connections_for_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "COUNT_INTERVAL", 0.05)
    row, counted = site.row, counts(site, monkeypatch)
    site.kernel.connected[row.key] = 3
    site.write("    drainremoved=600\n")
    async with site.shadow() as shadow:
        site.replace_server()
        await until(lambda: len(counted) > 3)
        assert shadow._own.table[row.key] == row._replace(weight=0)
        site.kernel.connected[row.key] = 0
        await until(lambda: row.key not in shadow._own.table)
    assert site.kernel.written == []


async def test_a_row_that_the_other_director_removed_has_no_connections(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "COUNT_INTERVAL", 0.05)
    row = site.row
    site.kernel.connected[row.key] = 3
    site.write("    drainremoved=600\n")
    async with site.shadow() as shadow:
        site.replace_server()
        await until(lambda: row.key in shadow.director.sync.left)
        await site.kernel.apply([Op(Verb.DELETE, row)])
        await until(lambda: row.key not in shadow._own.table)


async def test_a_row_drains_on_while_the_kernel_is_out_of_reach_which_is_said_only_of_the_comparison(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(draining, "COUNT_INTERVAL", 0.05)
    row, counted = site.row, counts(site, monkeypatch)
    site.kernel.connected[row.key] = 3
    site.write("    drainremoved=600\n")
    async with site.shadow() as shadow:
        site.replace_server()
        await until(lambda: row.key in shadow.director.sync.left)
        site.kernel.broken = KernelError("busy")
        await until(lambda: counted.count(False) > 3)
        assert row.key in shadow._own.table
        site.kernel.broken = None
        site.kernel.connected[row.key] = 0
        await until(lambda: row.key not in shadow._own.table)
    assert not [line for line in caplog.messages if "reach" in line]


@pytest.mark.parametrize(("seconds", "patience"), [(0, 2), (600, 10)])
def test_another_daemon_may_count_connections_at_other_times(seconds: float, patience: float) -> None:
    served = virtual("192.0.2.1:80", checkinterval=2, drainremoved=seconds)
    assert module._patience(compile_config(config(served), KINDS), served.key) == patience + module.SLACK
