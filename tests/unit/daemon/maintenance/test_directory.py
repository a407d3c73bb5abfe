"""Files in the directory take servers out of service, and a disk that hangs delays nothing else."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from builders import KINDS, config, down, real, service_key, up, virtual
from ldirectord_py.address import Address
from ldirectord_py.config.model import CheckType, Config
from ldirectord_py.daemon.maintenance import directory
from ldirectord_py.daemon.maintenance.directory import MaintenanceDirectory
from ldirectord_py.daemon.maintenance.reverse_names import ReverseNames
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Row, Service
from ldirectord_py.report.events import Event
from ldirectord_py.report.wording import line

WEB = "10.0.0.1:80"
TWO = virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", failurecount=3)
SIX = virtual("[2001:db8::1]:80", "[2001:db8::2]:80")


class Site:
    """A director, its kernel and its maintenance directory, which is a set of names or an error."""

    def __init__(self, site: Config, *kernel: Row) -> None:
        self.files: set[str] = set()
        self.error: Exception | None = None
        self.lines: list[str] = []
        self.kernel = MemoryKernel(kernel)
        self.director = Director(self.kernel, compile_config(site, KINDS), [self._note])
        self.maintenance = MaintenanceDirectory(self.director, self._list)
        self.maintenance.names = ReverseNames(self.maintenance._addresses, self._name)

    def _note(self, event: Event) -> None:
        self.lines.append(line(event) or "")

    def _list(self, directory: str) -> list[str]:
        assert directory == "/maintenance"
        if self.error is not None:
            raise self.error
        return sorted(self.files)

    def _name(self, address: Address) -> str:
        return f"web{int(address) % 256}.example.net"

    @property
    def weights(self) -> dict[str, int]:
        rows = self.kernel.table.values()
        return {str(row.key.address): row.weight for row in rows if isinstance(row, Destination)}

    async def place(self, *files: str) -> dict[str, int]:
        """Replace the files, and return the weights in the kernel afterwards."""
        self.files = set(files)
        self.lines.clear()
        await self.maintenance.update()
        await self.director.reconcile()
        return self.weights


@asynccontextmanager
async def started(*virtuals: object, **settings: object) -> AsyncIterator[Site]:
    site = Site(config(*virtuals, maintenancedir="/maintenance", **settings))  # type: ignore[arg-type]
    await site.director.start()
    for check in site.director.compiled.plan:
        site.director.observe(check, up())
    await site.director.reconcile()
    yield site


@pytest.mark.difference("`maintenancedir`: when a file takes effect")
async def test_a_file_takes_a_server_out_at_once_and_its_removal_restores_it() -> None:
    async with started(TWO) as site:
        assert await site.place("10.1.0.1") == {"10.1.0.2": 1}
        assert site.lines == [
            "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is down: Server in maintenance",
            "Deleted real server: 10.1.0.1:80 (10.0.0.1:80)",
        ]
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}
        assert site.lines == [
            "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is up: ok",
            "Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)",
        ]


async def test_a_quiescent_server_in_maintenance_has_weight_0() -> None:
    async with started(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", quiescent=True)) as site:
        assert await site.place("10.1.0.1:80") == {"10.1.0.1": 0, "10.1.0.2": 1}
        assert await site.place("10.1.0.1:81") == {"10.1.0.1": 1, "10.1.0.2": 1}


@pytest.mark.difference("`maintenancedir`: the check of a server in maintenance")
async def test_results_of_checks_neither_restore_a_server_nor_are_logged() -> None:
    async with started(TWO) as site:
        await site.place("10.1.0.1")
        site.lines.clear()
        (check, *_) = site.director.compiled.plan
        for result in (up(), down(), up(), down("status 503")):
            site.director.observe(check, result)
        await site.director.reconcile()
        assert (site.weights, site.lines) == ({"10.1.0.2": 1}, [])
        assert await site.place() == {"10.1.0.2": 1}
        assert site.lines == ["Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is down: status 503"]
        site.director.observe(check, up())
        await site.director.reconcile()
        assert site.weights == {"10.1.0.1": 1, "10.1.0.2": 1}


async def test_a_server_without_a_check_is_restored_too() -> None:
    async with started(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", checktype=CheckType.ON, successcount=3)) as site:
        assert await site.place("10.1.0.1") == {"10.1.0.2": 1}
        await site.director.reload(site.director.compiled)
        assert site.weights == {"10.1.0.2": 1}
        assert "is down: Server in maintenance" not in "".join(site.lines[2:])
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}


@pytest.mark.parametrize("file", ["web1.example.net", "web1", "WEB1:80", "web1.example.net:80"])
async def test_names_apply_once_they_are_looked_up(file: str) -> None:
    async with started(TWO) as site:
        assert await site.place(file) == {"10.1.0.1": 1, "10.1.0.2": 1}
        await site.maintenance.names.look_up()
        assert await site.place(file) == {"10.1.0.2": 1}


@pytest.mark.parametrize("file", ["2001:db8::2", "[2001:db8::2]:80", "[2001:DB8::0002]"])
async def test_ipv6_with_and_without_brackets(file: str) -> None:
    async with started(SIX) as site:
        assert await site.place(file) == {}


async def test_servers_in_maintenance_at_the_start_are_never_added() -> None:
    key = DestinationKey(service_key(WEB), real("10.1.0.1:80").server, 80)
    kernel = Service(service_key(WEB), "wrr"), Destination(key, ForwardMethod.MASQUERADE, 1)
    site = Site(config(TWO, maintenancedir="/maintenance"), *kernel)
    site.files = {"web1", "10.1.0.2"}
    await site.maintenance.start()
    await site.director.start()
    for check in site.director.compiled.plan:
        site.director.observe(check, up())
    await site.director.reconcile()
    assert site.weights == {}
    assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}


async def test_a_reload_does_not_add_servers_in_maintenance_to_new_virtuals() -> None:
    async with started(TWO) as site:
        await site.place("10.1.0.1")
        (check, *_) = site.director.compiled.plan
        site.director.observe(check, up())
        more = virtual("10.0.0.9:80", "10.1.0.1:80", "10.1.0.2:80", failurecount=3)
        new = compile_config(config(TWO, more, maintenancedir="/maintenance"), KINDS)
        site.kernel.written.clear()
        await site.maintenance.prepare(new)
        await site.director.reload(new)
        added = [str(op.row.key.address) for op in site.kernel.written if isinstance(op.row, Destination)]
        assert added == ["10.1.0.2"]


async def test_without_the_directive_nothing_is_listed_and_all_servers_are_restored() -> None:
    async with started(TWO) as site:
        await site.place("10.1.0.1")
        await site.director.reload(compile_config(config(TWO), KINDS))
        site.error = AssertionError()
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}


@pytest.mark.difference("`maintenancedir` that is not there, or cannot be listed")
async def test_a_missing_directory_is_logged_once_and_takes_no_server_out(caplog: pytest.LogCaptureFixture) -> None:
    async with started(TWO) as site:
        await site.place("10.1.0.1")
        site.error = FileNotFoundError()
        caplog.set_level(logging.INFO)
        for _ in range(3):
            assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}
        site.error = None
        await site.place()
    assert caplog.messages == [
        "Maintenance directory /maintenance is not there; create it, or leave maintenancedir out",
        "Maintenance directory can be listed again",
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PermissionError(13, "Permission denied"), "permission denied"), (RuntimeError("no thread"), "no thread")],
)
@pytest.mark.difference("`maintenancedir` that is not there, or cannot be listed")
async def test_servers_stay_in_maintenance_while_the_directory_cannot_be_listed(
    error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(TWO) as site:
        await site.place("10.1.0.1")
        site.error = error
        assert await site.place() == {"10.1.0.2": 1}
        assert await site.place() == {"10.1.0.2": 1}
        site.error = None
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}
    assert caplog.messages == [f"Maintenance directory /maintenance cannot be listed: {reason}"]


async def test_a_disk_that_hangs_keeps_one_thread_busy_and_is_awaited_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(directory, "LIST_TIMEOUT", 0.05)
    hanging, calls = threading.Event(), 0

    def hang(_: str) -> list[str]:
        nonlocal calls
        calls += 1
        hanging.wait(10)
        return []

    async with started(TWO) as site:
        await site.place("10.1.0.1")
        monkeypatch.setattr(site.maintenance, "_list_files", hang)
        began = time.monotonic()
        for _ in range(20):
            assert await site.place() == {"10.1.0.2": 1}
        assert (calls, time.monotonic() - began < 1) == (1, True)
        await site.director.reload(compile_config(config(TWO, maintenancedir="/elsewhere"), KINDS))
        monkeypatch.setattr(site.maintenance, "_list_files", lambda directory: ["10.1.0.2"])
        assert await site.place() == {"10.1.0.1": 1}
        await site.director.reload(compile_config(config(TWO, maintenancedir="/maintenance"), KINDS))
        hanging.set()
        while site.maintenance._listing:  # until the thread has come back
            await asyncio.sleep(0.001)
        monkeypatch.setattr(site.maintenance, "_list_files", site._list)
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}
    assert caplog.messages == ["Maintenance directory /maintenance was not listed within 0.05 s; look at its disk"]
