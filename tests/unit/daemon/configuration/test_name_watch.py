"""A new address of a host name moves the server; a name that does not resolve keeps its address."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from builders import KINDS
from ldirectord_py.config.load import load
from ldirectord_py.daemon.configuration import name_watch
from ldirectord_py.daemon.configuration.name_watch import NameWatch
from ldirectord_py.daemon.configuration.reload import Reloader
from ldirectord_py.daemon.reconciler import draining
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey

TEXT = """virtual=10.0.0.1:80
    real=web1:80 masq
    real=web2:80 masq
    real=10.1.0.9:80 masq
    checktype=on
    service=http
"""


class Site:
    """A file with names, a resolver whose answers a test sets, and the table that results."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, text: str = TEXT) -> None:
        self.path = path
        self.names: dict[str, list[str]] = {"web1": ["10.1.0.1"]}
        self.lookups = 0
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)
        path.write_text(text)
        loaded = load(path)
        self.kernel = MemoryKernel()
        self.director = Director(self.kernel, compile_config(loaded.config, KINDS))
        self.reloader = Reloader(path, loaded, self.director, self._put_in_force, SdNotify())
        self.resolver = NameWatch(self.reloader, self._put_in_force)

    def _answer(self, host: str, *_: Any) -> list[tuple[Any, ...]]:
        self.lookups += 1
        if not self.names.get(host):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.names[host]]

    async def _put_in_force(self, new: CompiledConfig) -> None:
        await self.director.reload(new)

    async def servers(self, **names: list[str]) -> list[str]:
        """Change the addresses of these names, update, and return the servers in the kernel."""
        self.names |= names
        await self.resolver.update()
        rows = (row for row in self.kernel.table.values() if isinstance(row, Destination))
        return sorted(str(row.key.address) for row in rows)


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Site:
    caplog.set_level(logging.INFO)
    site = Site(tmp_path / "names.cf", monkeypatch)
    await site.director.start()
    return site


async def test_a_changed_address_moves_the_server(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    assert await site.servers() == ["10.1.0.1", "10.1.0.9"]
    assert caplog.messages == []
    assert await site.servers(web1=["10.1.0.7"]) == ["10.1.0.7", "10.1.0.9"]
    assert caplog.messages == ["Host name web1 is 10.1.0.7 now, no longer 10.1.0.1"]


async def test_the_old_address_of_a_quiescent_virtual_is_drained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(draining, "COUNT_INTERVAL", 0.0)
    site = Site(tmp_path / "names.cf", monkeypatch, TEXT + "    quiescent=yes\n")
    await site.director.start()
    old = next(key for key in site.kernel.table if isinstance(key, DestinationKey) and "10.1.0.1" in str(key))
    site.kernel.connected[old] = 2
    assert await site.servers(web1=["10.1.0.7"]) == ["10.1.0.1", "10.1.0.7", "10.1.0.9"]
    site.kernel.connected[old] = 0
    await site.director.reconcile()
    assert await site.servers() == ["10.1.0.7", "10.1.0.9"]


async def test_the_order_of_several_addresses_does_not_matter(site: Site) -> None:
    assert await site.servers(web1=["10.1.0.7", "10.1.0.1"]) == ["10.1.0.1", "10.1.0.9"]
    assert await site.servers(web1=["10.1.0.7"]) == ["10.1.0.7", "10.1.0.9"]
    assert await site.servers(web1=["10.1.0.1", "10.1.0.7"]) == ["10.1.0.7", "10.1.0.9"]


async def test_F41_a_name_that_fails_keeps_its_address(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert await site.servers(web1=[]) == ["10.1.0.1", "10.1.0.9"]
    assert await site.servers(web1=["10.1.0.1"]) == ["10.1.0.1", "10.1.0.9"]
    assert caplog.messages == [
        "Host name web1 does not resolve now, its address 10.1.0.1 is kept",
        "Host name web1 resolves again",
    ]


async def test_a_server_is_added_when_its_name_resolves_for_the_first_time(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    assert await site.servers(web2=["10.1.0.2"]) == ["10.1.0.1", "10.1.0.2", "10.1.0.9"]
    assert caplog.messages == ["Host name web2 is 10.1.0.2 now, which did not resolve before"]


async def test_the_configuration_in_force_is_used_and_not_the_file(site: Site) -> None:
    site.path.write_text("virtual = nonsense")
    assert await site.servers(web1=["10.1.0.7"]) == ["10.1.0.7", "10.1.0.9"]


async def test_a_reload_keeps_the_addresses_and_the_names_are_looked_up_again(site: Site) -> None:
    assert await site.servers(web1=["10.1.0.7"]) == ["10.1.0.7", "10.1.0.9"]
    site.path.write_text(TEXT.replace("real=10.1.0.9:80", "real=10.1.0.8:80"))
    site.names["web1"] = []
    await site.reloader.reload()
    assert await site.servers() == ["10.1.0.7", "10.1.0.8"]
    assert await site.servers(web1=["10.1.0.1"]) == ["10.1.0.1", "10.1.0.8"]


async def test_a_result_that_a_reload_has_made_obsolete_is_dropped(site: Site) -> None:
    former = site.reloader.loaded
    site.path.write_text(TEXT.replace("real=10.1.0.9:80", "real=10.1.0.8:80"))
    await site.reloader.reload()

    async def never() -> None:
        raise AssertionError

    await site.reloader.replace_loaded(former, former, never)
    assert site.reloader.loaded is not former


async def test_a_failure_is_logged_once(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: object) -> None:
        raise TimeoutError

    site.reloader.compile = refuse  # type: ignore[method-assign, assignment]
    for _ in range(2):
        assert await site.servers(web1=["10.1.0.7"]) == ["10.1.0.1", "10.1.0.9"]
    assert caplog.messages == ["New addresses of host names are not applied: it took too long"]


async def test_without_names_there_is_no_lookup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path / "plain.cf", monkeypatch, "virtual=10.0.0.1:80\n    real=10.1.0.1:80 masq\n")
    await site.resolver.update()
    assert site.lookups == 0


@pytest.mark.slow
@pytest.mark.parametrize(("interval", "expected"), [(1, True), (0, False), (1000, False)])
async def test_names_are_looked_up_every_resolveinterval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: int, expected: bool
) -> None:
    monkeypatch.setattr(name_watch, "POLL_INTERVAL", 0.05)
    site = Site(tmp_path / "names.cf", monkeypatch, f"resolveinterval={interval}\n{TEXT}")
    site.lookups = 0
    running = asyncio.create_task(site.resolver.run())
    try:
        async with asyncio.timeout(10 if expected else 1.5):
            while not site.lookups:
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    finally:
        running.cancel()
    assert bool(site.lookups) is expected
