"""A start or a reload while the resolver is dead takes no server out whose name has no address now."""

from __future__ import annotations

import logging
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from builders import down, service_key, up
from ldirectord_py.checks.base import Result
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.load import load
from ldirectord_py.daemon.configuration.name_watch import NameWatch
from ldirectord_py.daemon.configuration.reload import Reloader
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Service
from ldirectord_py.report.log.listener import log

WEB = "10.0.0.1:80"
TEXT = """virtual=10.0.0.1:80
    real=web1:80 masq 3
    real=web2:80 masq
    fallback=127.0.0.1:80
    service=http
    checktype=connect
"""
MIXED = TEXT.replace("real=web2:80 masq", "real=web2:81 masq\n    real=10.1.0.9:80 masq")


def row(server: str, weight: int = 1, forward: ForwardMethod = ForwardMethod.MASQUERADE) -> Destination:
    host, _, port = server.partition(":")
    return Destination(DestinationKey(service_key(WEB), ip_address(host), int(port or 80)), forward, weight)


class Site:
    """A director whose kernel has rows, and a resolver that is dead until it is given names."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, text: str, *rows: Destination) -> None:
        self.path = path
        self.names: dict[str, str] = {}
        self.error = socket.EAI_AGAIN
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)
        path.write_text(text)
        loaded = load(path)
        self.kernel = MemoryKernel([Service(service_key(WEB), "wrr"), *rows])
        self.director = Director(self.kernel, compile_config(loaded.config, kinds()), [log])
        self.reloader = Reloader(path, loaded, self.director, self._put_in_force, SdNotify())
        self.resolver = NameWatch(self.reloader, self._put_in_force)

    def _answer(self, host: str, *_: Any) -> list[tuple[Any, ...]]:
        if host not in self.names:
            raise socket.gaierror(self.error, "no address")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.names[host], 0))]

    async def _put_in_force(self, new: CompiledConfig) -> None:
        await self.director.reload(new)

    @property
    def weights(self) -> dict[str, int]:
        rows = (row for row in self.kernel.table.values() if isinstance(row, Destination))
        return {f"{row.key.address}:{row.key.port}".removesuffix(":80"): row.weight for row in rows}

    async def reload(self, text: str) -> dict[str, int]:
        self.path.write_text(text)
        await self.reloader.reload()
        return self.weights

    async def resolve(self, **names: str) -> dict[str, int]:
        self.names |= names
        await self.resolver.update()
        return self.weights

    async def check(self, result: Result, *addresses: str) -> dict[str, int]:
        for check in self.director.compiled.plan:
            if str(check.target.address) in addresses:
                self.director.observe(check, result)
        await self.director.reconcile()
        return self.weights


@pytest.fixture
def folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    caplog.set_level(logging.WARNING)
    return tmp_path / "names.cf"


STAYS = "No address of web1, web2 is known now, so that what the kernel has of tcp:10.0.0.1:80 stays: "


@pytest.mark.parametrize("error", [socket.EAI_AGAIN, socket.EAI_NONAME])
async def test_a_start_while_the_resolver_is_dead_keeps_the_rows_and_checks_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: int
) -> None:
    site = Site(folder, monkeypatch, TEXT, row("10.1.0.1", 3), row("10.1.0.2"))
    site.error = error
    await site.director.start()
    assert site.weights == {"10.1.0.1": 3, "10.1.0.2": 1}
    assert site.kernel.written == []
    assert caplog.messages == [STAYS + "10.1.0.1:80 (checked), 10.1.0.2:80 (checked)"]
    assert await site.check(down(), "10.1.0.1", "10.1.0.2") == {"127.0.0.1": 1}
    assert await site.check(up(), "10.1.0.1", "10.1.0.2") == {"10.1.0.1": 3, "10.1.0.2": 1}


async def test_once_the_names_resolve_the_rest_is_purged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(folder, monkeypatch, TEXT, row("10.1.0.1", 3), row("10.1.0.2"), row("10.1.0.7"))
    await site.director.start()
    await site.check(up(), "10.1.0.1")
    await site.check(down(), "10.1.0.2")
    assert await site.resolve(web1="10.1.0.1") == {"10.1.0.1": 3, "10.1.0.7": 1}
    assert await site.check(up(), "10.1.0.2") == {"10.1.0.1": 3, "10.1.0.2": 1, "10.1.0.7": 1}
    assert await site.resolve(web2="10.1.0.2") == {"10.1.0.1": 3, "10.1.0.2": 1}


async def test_a_quiescent_row_keeps_its_own_weight_over_reloads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXT + "    quiescent=yes\n"
    site = Site(folder, monkeypatch, text, row("10.1.0.1", 3), row("10.1.0.2"))
    await site.director.start()
    assert (await site.check(down(), "10.1.0.2"))["10.1.0.2"] == 0
    assert (await site.reload(text + "    comment=changed\n"))["10.1.0.2"] == 0
    assert (await site.check(up(), "10.1.0.2"))["10.1.0.2"] == 1


async def test_reloads_while_the_resolver_is_dead_keep_them_too_and_tell_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(folder, monkeypatch, TEXT, row("10.1.0.1", 3), row("10.1.0.2"))
    await site.director.start()
    await site.check(down(), "10.1.0.2")
    for _ in range(2):
        assert await site.reload(TEXT + "    comment=changed\n") == {"10.1.0.1": 3}
    assert await site.check(up(), "10.1.0.2") == {"10.1.0.1": 3, "10.1.0.2": 1}
    assert [line for line in caplog.messages if "No address" in line] == [
        STAYS + "10.1.0.1:80 (checked), 10.1.0.2:80 (checked)"
    ]


async def test_a_reload_that_puts_names_in_place_of_addresses_keeps_the_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = TEXT.replace("web1", "10.1.0.1").replace("web2", "10.1.0.2")
    site = Site(folder, monkeypatch, before, row("10.1.0.1", 3), row("10.1.0.2"))
    await site.director.start()
    await site.check(up(), "10.1.0.1", "10.1.0.2")
    assert await site.reload(TEXT) == {"10.1.0.1": 3, "10.1.0.2": 1}
    assert await site.reload(TEXT) == {"10.1.0.1": 3, "10.1.0.2": 1}
    assert await site.resolve(web1="10.1.0.1", web2="10.1.0.5") == {"10.1.0.1": 3}


async def test_a_row_that_no_check_is_known_for_stays_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Port 82 is of neither name; one that somebody removes or reweighs is left so."""
    rows = row("10.1.0.9"), row("10.1.0.1:82", 5), row("10.1.0.2:81"), row("10.1.0.3", 1, ForwardMethod.TUNNEL)
    site = Site(folder, monkeypatch, MIXED, *rows)
    await site.director.start()
    kept = {"10.1.0.9": 1, "10.1.0.1:82": 5, "10.1.0.2:81": 1, "10.1.0.3": 1}
    assert site.weights == kept
    assert caplog.messages == [STAYS + "10.1.0.2:81 (checked), 10.1.0.1:82 (not checked), 10.1.0.3:80 (not checked)"]
    assert await site.reload(MIXED + "    comment=changed\n") == kept
    await site.kernel.apply([Op(Verb.EDIT, row("10.1.0.1:82", 2)), Op(Verb.DELETE, rows[3])])
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.9": 1, "10.1.0.1:82": 2, "10.1.0.2:81": 1}
    assert "Somebody" not in caplog.text
    assert await site.resolve(web1="10.1.0.1", web2="10.1.0.2") == {"10.1.0.9": 1, "10.1.0.2:81": 1}


async def test_a_server_that_a_reload_leaves_out_goes_though_another_has_no_address(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(folder, monkeypatch, MIXED, row("10.1.0.9"), row("10.1.0.2:81"))
    await site.director.start()
    assert await site.reload(MIXED.replace("10.1.0.9:80", "10.1.0.8:80")) == {"10.1.0.2:81": 1}


async def test_a_fallback_without_an_address_stays_until_a_server_is_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = TEXT.replace("web1", "10.1.0.1").replace("web2", "10.1.0.2").replace("127.0.0.1:80", "sorry:80 masq")
    site = Site(folder, monkeypatch, text, row("10.1.0.8"))
    await site.director.start()
    assert site.weights == {"10.1.0.8": 1}
    assert "of the fallback is known now" in caplog.text
    assert await site.check(up(), "10.1.0.1") == {"10.1.0.1": 3}
    assert await site.reload(text + "    comment=changed\n") == {"10.1.0.1": 3}
    assert await site.check(down(), "10.1.0.1") == {"10.1.0.8": 1}
    assert await site.resolve(sorry="10.1.0.7") == {"10.1.0.7": 1}


async def test_what_somebody_adds_later_is_no_leftover(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(folder, monkeypatch, TEXT, row("10.1.0.1"))
    await site.director.start()
    await site.kernel.apply([Op(Verb.ADD, row("10.1.0.6"))])
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1": 1}


async def test_a_stop_removes_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(folder, monkeypatch, MIXED, row("10.1.0.1"), row("10.1.0.1:82"))
    await site.director.start()
    await site.director.stop()
    assert site.weights == {}
