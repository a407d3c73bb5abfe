"""Files in a directory take servers out of use, and a directory that hangs holds up nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Address

import pytest

from builders import KINDS, config, down, real, service_key, up, virtual
from ldirectord_py.address import Address
from ldirectord_py.config.model import CheckType, Config
from ldirectord_py.daemon.maintenance import directory, reverse_names
from ldirectord_py.daemon.maintenance.directory import MaintenanceDirectory
from ldirectord_py.daemon.maintenance.reverse_names import ReverseNames
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, Forward, Row, Service
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
        """Have exactly these files, and return the weights that come of it."""
        self.files = set(files)
        self.lines.clear()
        await self.maintenance.look()
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
async def test_a_file_takes_a_server_out_at_once_and_its_removal_brings_it_back() -> None:
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
async def test_no_result_of_a_check_brings_a_server_back_or_is_told() -> None:
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


async def test_a_server_without_a_check_comes_back_too() -> None:
    async with started(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", checktype=CheckType.ON, successcount=3)) as site:
        assert await site.place("10.1.0.1") == {"10.1.0.2": 1}
        await site.director.reload(site.director.compiled)
        assert site.weights == {"10.1.0.2": 1}
        assert "is down: Server in maintenance" not in "".join(site.lines[2:])
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}


@pytest.mark.parametrize("file", ["web1.example.net", "web1", "WEB1:80", "web1.example.net:80"])
async def test_names_count_once_they_are_looked_up(file: str) -> None:
    async with started(TWO) as site:
        assert await site.place(file) == {"10.1.0.1": 1, "10.1.0.2": 1}
        await site.maintenance.names.look_up()
        assert await site.place(file) == {"10.1.0.2": 1}


@pytest.mark.parametrize("file", ["2001:db8::2", "[2001:db8::2]:80", "[2001:DB8::0002]"])
async def test_ipv6_with_and_without_brackets(file: str) -> None:
    async with started(SIX) as site:
        assert await site.place(file) == {}


async def test_a_start_finds_servers_in_maintenance_by_address_and_name_and_never_adds_them() -> None:
    key = DestinationKey(service_key(WEB), real("10.1.0.1:80").server, 80)
    kernel = Service(service_key(WEB), "wrr"), Destination(key, Forward.MASQUERADE, 1)
    site = Site(config(TWO, maintenancedir="/maintenance"), *kernel)
    site.files = {"web1", "10.1.0.2"}
    await site.maintenance.begin()
    await site.director.start()
    for check in site.director.compiled.plan:
        site.director.observe(check, up())
    await site.director.reconcile()
    assert site.weights == {}
    assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}


async def test_a_reload_keeps_servers_in_maintenance_out_also_of_new_virtuals() -> None:
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


async def test_without_the_directive_nothing_is_listed_and_all_come_back() -> None:
    async with started(TWO) as site:
        await site.place("10.1.0.1")
        await site.director.reload(compile_config(config(TWO), KINDS))
        site.error = AssertionError()
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}


@pytest.mark.difference("`maintenancedir` that is not there, or cannot be listed")
async def test_a_directory_that_is_not_there_is_told_once_and_holds_nobody(caplog: pytest.LogCaptureFixture) -> None:
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
    ("error", "told"),
    [(PermissionError(13, "Permission denied"), "permission denied"), (RuntimeError("no thread"), "no thread")],
)
@pytest.mark.difference("`maintenancedir` that is not there, or cannot be listed")
async def test_while_it_cannot_be_listed_everything_stays(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(TWO) as site:
        await site.place("10.1.0.1")
        site.error = error
        assert await site.place() == {"10.1.0.2": 1}
        assert await site.place() == {"10.1.0.2": 1}
        site.error = None
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}
    assert caplog.messages == [f"Maintenance directory /maintenance cannot be listed: {told}"]


async def test_a_disk_that_hangs_is_asked_once_and_waited_for_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(directory, "LIST_SECONDS", 0.05)
    hanging, asked = threading.Event(), 0

    def hang(_: str) -> list[str]:
        nonlocal asked
        asked += 1
        hanging.wait(10)
        return []

    async with started(TWO) as site:
        await site.place("10.1.0.1")
        monkeypatch.setattr(site.maintenance, "_files", hang)
        began = time.monotonic()
        for _ in range(20):
            assert await site.place() == {"10.1.0.2": 1}
        assert (asked, time.monotonic() - began < 1) == (1, True)
        await site.director.reload(compile_config(config(TWO, maintenancedir="/elsewhere"), KINDS))
        monkeypatch.setattr(site.maintenance, "_files", lambda directory: ["10.1.0.2"])
        assert await site.place() == {"10.1.0.1": 1}
        await site.director.reload(compile_config(config(TWO, maintenancedir="/maintenance"), KINDS))
        hanging.set()
        while site.maintenance._listing:  # until the thread has come back
            await asyncio.sleep(0.001)
        monkeypatch.setattr(site.maintenance, "_files", site._list)
        assert await site.place() == {"10.1.0.1": 1, "10.1.0.2": 1}
    assert caplog.messages == ["Maintenance directory /maintenance was not listed within 0.05 s; look at its disk"]


class Resolver:
    """Names by address; an error for those that it does not know now."""

    def __init__(self, **names: str) -> None:
        self.names = names
        self.asked: list[str] = []

    def __call__(self, address: Address) -> str:
        self.asked.append(str(address))
        if str(address) not in self.names:
            raise OSError("no resolver")
        return self.names[str(address)]


def known(names: ReverseNames) -> dict[str, str]:
    return {str(address): name for address, name in names.names.items()}


async def test_names_are_looked_up_once_until_they_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(**{"10.1.0.1": "one", "10.1.0.2": "two"})
    wanted = {real("10.1.0.1:80").server, real("10.1.0.2:80").server, real("10.1.0.3:80").server}
    names = ReverseNames(lambda: wanted, resolver)
    await names.look_up()
    assert known(names) == {"10.1.0.1": "one", "10.1.0.2": "two"}
    resolver.asked.clear()
    await names.look_up()
    assert resolver.asked == ["10.1.0.3"]
    monkeypatch.setattr(reverse_names, "OLD", 0.0)
    resolver.names = {"10.1.0.1": "", "10.1.0.3": "three"}
    await names.look_up()
    assert known(names) == {"10.1.0.1": "", "10.1.0.2": "two", "10.1.0.3": "three"}


async def test_a_resolver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse_names, "SECONDS", 0.02)
    come_back = threading.Event()

    def hang(_: Address) -> str:
        come_back.wait(10)
        return "late"

    names = ReverseNames(lambda: {real(f"10.1.0.{n}:80").server for n in range(20)}, hang)
    await names.look_up()
    assert known(names) == {}
    come_back.set()


async def test_rounds_against_a_resolver_that_hangs_keep_one_set_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse_names, "SECONDS", 0.01)
    come_back = threading.Event()
    names = ReverseNames(lambda: {real(f"10.1.0.{n}:80").server for n in range(20)}, lambda _: str(come_back.wait(10)))
    for _ in range(3):
        await names.look_up()
    assert sum(thread.name == "reverse" for thread in threading.enumerate()) == reverse_names.MAX_LOOKUPS
    come_back.set()


async def test_names_of_addresses_that_are_gone_are_forgotten() -> None:
    wanted = {real(f"10.1.0.{n}:80").server for n in range(4)}
    names = ReverseNames(lambda: wanted, str)
    await names.look_up()
    wanted = {real("10.1.0.3:80").server}
    await names.look_up()
    assert known(names) == {"10.1.0.3": "10.1.0.3"}


@pytest.mark.slow
async def test_names_are_published_in_portions_and_not_one_by_one() -> None:
    wanted = {IPv4Address(number) for number in range(2000)}
    seen: list[Mapping[Address, str]] = []

    def name(address: Address) -> str:
        if not seen or seen[-1] is not names.names:
            seen.append(names.names)
        return str(address)

    names = ReverseNames(lambda: wanted, name)
    began = time.monotonic()
    await names.look_up()
    assert len(names.names) == 2000
    assert len(seen) <= 3 + (time.monotonic() - began) / reverse_names.PUBLISH_INTERVAL


def test_this_host_knows_the_name_of_loopback() -> None:
    assert reverse_names.name_of(real("127.0.0.1:80").server).startswith("localhost")
