"""What the next daemon knows: the addresses of names without a resolver (F41), and which servers flap (F8)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from builders import config, down, up, virtual
from harness.director_site import WEB, Site, destination
from harness.flapping_site import ONE, REALS, TWO, FlappingSite, web
from harness.running_daemon import running_daemon
from harness.waiting import until
from ldirectord_py.config.addresses import HostName
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.administration import state_file
from ldirectord_py.daemon.administration.continuity import Continuity
from ldirectord_py.daemon.administration.files import read_file, write_file
from ldirectord_py.daemon.administration.saved_file import read_saved_file
from ldirectord_py.daemon.administration.state_file import StateFile
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import FirewallMark
from ldirectord_py.saved_addresses import Hosts, addresses_section
from ldirectord_py.saved_state import ADDRESSES, ADMINISTRATION, FLAPS, SavedState

NOW = 1_700_000_000.0
HOSTS: Hosts = {HostName("web1", ipv6=False): ip_address(ONE)}


class Daemon(FlappingSite):
    """A director with its state file, on a kernel that outlives it; its clock is that of the world.

    ``step``: by how much the wall clock was set forward since the start.
    """

    def __init__(self, path: Path, kernel: MemoryKernel, now: float, site: Virtual, hosts: Hosts | None = None) -> None:
        super().__init__(Site(kernel, config(site)), now)
        self.hosts = hosts or {}
        self.step = 0.0
        self.file = StateFile(path, "web.cf")
        boot = now - 7.0  # the monotonic clock of each daemon is another one
        flaps, hosts_now = self.site.director.tracker.flaps, lambda: self.hosts
        flaps._clock = lambda: self.now - boot
        self.continuity = Continuity(
            self.site.director, self.file, hosts_now, lambda: self.now + self.step, flaps._clock
        )
        self.site.director._listeners = [*self.site.director._listeners, self.continuity]

    async def start(self) -> None:
        await self.file.read()
        self.continuity.start()
        await self.site.director.start()


class World:
    """The state file, the kernel and the time, which daemons have in turn."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "web.cf.json"
        self.kernel = MemoryKernel()
        self.now = NOW

    @asynccontextmanager
    async def daemon(self, site: Virtual, hosts: Hosts | None = None) -> AsyncIterator[Daemon]:
        daemon = Daemon(self.path, self.kernel, self.now, site, hosts)
        await daemon.start()
        yield daemon
        await daemon.file.write(5)
        self.now = daemon.now + daemon.step

    def sections(self) -> dict[str, Any]:
        return dict(read_file(self.path, "web.cf").sections)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def flapped(world: World, site: Virtual) -> None:
    """Let a daemon find that the first server flaps."""
    async with world.daemon(site) as first:
        await first.check(up())
        await first.flap(ONE, 4)
        assert (first.inside, first.flapping) == ({TWO}, 1)


async def test_F8_a_restart_lets_no_server_in_that_flaps(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await flapped(world, web())
    world.now += 5
    async with world.daemon(web()) as after:
        assert f"Real server {ONE}:80 (tcp:{WEB}) still flaps, as before the restart" in caplog.text
        for _ in range(60):
            await after.check(up())
            assert after.inside == {TWO}
        await after.check(up())
        assert (after.inside, after.flapping) == ({ONE, TWO}, 0)
    async with world.daemon(web()) as last:
        await last.check(up())
        assert (last.inside, last.flapping) == ({ONE, TWO}, 0)


async def test_a_restart_goes_on_counting_changes(world: World) -> None:
    async with world.daemon(web()) as first:
        await first.check(up())
        await first.flap(ONE, 2)
    async with world.daemon(web()) as after:
        await after.check(up())
        await after.flap(ONE, 2)
        assert (after.inside, after.flapping) == ({TWO}, 1)
    world.now += 30
    async with world.daemon(web(flapthreshold=None)) as without:
        await without.check(up())
        assert (without.inside, without.flapping) == ({ONE, TWO}, 0)


@pytest.mark.parametrize("step", [2 * 86_400.0, -2 * 86_400.0])
async def test_F42_a_clock_that_was_set_while_the_daemon_ran_lets_no_server_in_that_flaps(
    world: World, step: float
) -> None:
    async with world.daemon(web()) as first:
        await first.check(up())
        first.step = step
        await first.flap(ONE, 4)
    async with world.daemon(web()) as after:
        await after.check(up())
        assert (after.inside, after.flapping) == ({TWO}, 1)


async def test_changes_before_the_window_do_not_count_after_a_restart(world: World) -> None:
    async with world.daemon(web()) as first:
        await first.check(up())
        await first.flap(ONE, 2)
    world.now += 60
    async with world.daemon(web()) as after:
        await after.check(up())
        await after.flap(ONE, 2)
        assert (after.inside, after.flapping) == ({ONE, TWO}, 0)


async def test_the_last_server_is_let_in_though_it_flapped_before_the_restart(world: World) -> None:
    await flapped(world, web())
    async with world.daemon(web()) as after:
        await after.check(down(), TWO)
        assert after.inside == set()
        await after.check(up(), ONE)
        assert (after.inside, after.flapping) == ({ONE}, 1)


async def test_one_that_is_in_for_want_of_others_stays_in(world: World) -> None:
    async with world.daemon(web()) as first:
        await first.check(up(), ONE)
        await first.check(down(), TWO)
        await first.flap(ONE, 6)
        assert (first.inside, first.flapping) == ({ONE}, 1)
    async with world.daemon(web()) as after:
        assert (after.inside, after.flapping) == ({ONE}, 1)
        await after.check(down(), ONE)
        assert after.inside == set()


@pytest.mark.parametrize(
    "site", [web(flapthreshold=None), web(checktype=CheckType.ON), virtual(WEB, f"{TWO}:80", flapthreshold=4)]
)
async def test_who_cannot_flap_any_more_does_not(world: World, site: Virtual) -> None:
    await flapped(world, web())
    async with world.daemon(site) as after:
        await after.check(up())
        assert (after.flapping, TWO in after.inside) == (0, True)
        assert not [line for line in after.site.lines if "flaps" in line]


async def test_a_server_in_maintenance_does_not_flap_afterwards(world: World) -> None:
    await flapped(world, web())
    daemon = Daemon(world.path, world.kernel, world.now, web())
    daemon.site.director.set_maintenance({destination(WEB, REALS[0]).key})
    await daemon.start()
    daemon.site.director.set_maintenance(frozenset())
    await daemon.check(up())
    assert (daemon.inside, daemon.flapping) == ({ONE, TWO}, 0)


async def test_many_that_flap_are_counted_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    servers = [f"10.1.0.{number}:80" for number in range(1, 14)]
    site = virtual(WEB, *servers, flapthreshold=2)
    async with world.daemon(site) as first:
        await first.check(up())
        for server in servers[1:]:
            await first.flap(server.removesuffix(":80"), 2)
    async with world.daemon(site):
        assert "2 more real servers still flap" in caplog.text


async def test_a_flap_is_written_soon_and_passing_checks_are_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "WRITE_INTERVAL", 0.01)
    async with world.daemon(web()) as daemon:
        running = asyncio.create_task(daemon.file.run())
        await daemon.check(up())
        await asyncio.sleep(0.05)
        assert not world.path.exists()
        await daemon.flap(ONE, 4)
        await until(lambda: world.path.exists() and len(world.sections()[FLAPS]["servers"]) == 1)
        await asyncio.sleep(0.05)
        wanted = daemon.file._wanted
        for _ in range(5):
            await daemon.check(up())
        assert daemon.file._wanted == wanted
        running.cancel()


async def test_F41_addresses_are_written_when_they_change(world: World) -> None:
    async with world.daemon(web(), HOSTS) as daemon:
        assert await daemon.file.write(5)
        assert world.sections()[ADDRESSES] == addresses_section(HOSTS)
        wanted = daemon.file._wanted
        await daemon.site.reload(web(scheduler="rr"))
        assert daemon.file._wanted == wanted
        daemon.hosts = {HostName("web1", ipv6=False): ip_address(TWO)}
        await daemon.site.reload(web())
    assert world.sections()[ADDRESSES]["ipv4"] == {"web1": TWO}
    async with world.daemon(web(), daemon.hosts) as after:
        assert after.file._wanted == 0
    async with world.daemon(web()):
        pass
    assert world.sections()[ADDRESSES]["ipv4"] == {}


async def test_without_names_and_flaps_there_is_no_file(world: World) -> None:
    async with world.daemon(web(flapthreshold=None)) as daemon:
        await daemon.check(up())
        await daemon.check(down())
    assert not world.path.exists()


async def test_damaged_sections_are_logged_and_replaced_and_cost_no_drain(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    drains = {"version": 1, "servers": []}
    damaged = {ADDRESSES: {"version": 1, "ipv4": {"web1": "x"}, "ipv6": {}}, FLAPS: {"version": 3, "servers": []}}
    write_file(world.path, SavedState({ADMINISTRATION: drains, **damaged}), "web.cf")
    async with world.daemon(web(), HOSTS):
        assert "the name 'web1' of its section addresses is invalid" in caplog.text
        assert "its section flaps has the version 3, not 1; this is left out" in caplog.text
    assert world.sections() == {
        ADMINISTRATION: drains,
        ADDRESSES: addresses_section(HOSTS),
        FLAPS: {"version": 1, "servers": []},
    }
    assert list(world.path.parent.iterdir()) == [world.path]


async def test_servers_of_firewall_marks_and_ipv6_flap_on(world: World) -> None:
    site = replace(
        virtual("[2001:db8::1]:80", "[2001:db8::11]:80", "[2001:db8::12]:80", flapthreshold=2),
        key=FirewallMark(7, ipv6=True),
    )
    async with world.daemon(site) as first:
        await first.check(up())
        await first.flap("2001:db8::11", 2)
        assert first.flapping == 1
    async with world.daemon(site) as after:
        assert after.flapping == 1


async def test_F41_a_daemon_writes_the_addresses_that_its_configuration_has(tmp_path: Path) -> None:
    text = "virtual=192.0.2.1:80\n    real=localhost:80 masq\n    checktype=on\n"
    async with running_daemon(tmp_path, text):
        await until((tmp_path / "web.cf.json").exists)
    saved = read_saved_file(Instance("web.cf", tmp_path))
    assert saved.hosts == {HostName("localhost", ipv6=False): ip_address("127.0.0.1")}
