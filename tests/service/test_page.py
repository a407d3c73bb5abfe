"""The page in Chromium: what it shows, changes while one looks, filters, breaks and resumes, and who can read it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.browser import Tab, browser_tab
from harness.fakes.scripted import answering, servers
from harness.page_daemon import PageDaemon, page_daemon
from harness.servers.certificates import ELLIPTIC_KEY, self_signed
from ldirectord_py.checks.codes import ReasonCode

AXE = Path(__file__).parents[2] / ".cache" / "axe" / "axe.min.js"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def site(port: int) -> str:
    return f"""
checkinterval=1
checktimeout=1
virtual=192.0.2.1:80
    servicename={HOSTILE}
    real=127.0.0.1:{port} masq 5
    real=127.0.0.1:9 masq
    checktype=connect
virtual=192.0.2.2:80
    servicename=shop.example
    real=127.0.0.2:9 masq
    real=127.0.0.3:9 masq 3
    checktype=on
"""


class Server:
    """A server that is up until it is closed."""

    def __init__(self, port: int = 0) -> None:
        self._listening = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.port = int(self._listening.getsockname()[1])

    def close(self) -> None:
        self._listening.close()


@asynccontextmanager
async def looked_at(folder: Path, query: str = "", more: str = "") -> AsyncIterator[tuple[Tab, PageDaemon, Server]]:
    """Yield a tab that shows the page of a daemon; at the end it has no error, and has asked nobody else.

    ``more`` virtuals have only servers that are up.
    """
    number = more.count("real=")
    server = Server()
    try:
        with page_daemon(folder, site(server.port) + more) as daemon:
            await asyncio.to_thread(daemon.page_with, f"{3 + number} of {4 + number} servers up")
            async with browser_tab() as tab:
                await tab.visit(f"http://127.0.0.1:{daemon.port}/{query}")
                await tab.until("live.textContent === 'live'")
                yield tab, daemon, server
                assert [each for each in tab.errors if not re.search("ERR_(CONNECTION|INCOMPLETE|EMPTY)", each)] == []
                assert {url for url in tab.requests if not url.startswith(f"http://127.0.0.1:{daemon.port}/")} <= {
                    "about:blank"
                }
    finally:
        server.close()


def row(server: str) -> str:
    return f"document.querySelector('#virtuals [data-key$=\"/{server}\"]')"


async def test_it_shows_what_hurts_and_no_text_becomes_html(tmp_path: Path) -> None:
    async with looked_at(tmp_path) as (tab, _, server):
        assert await tab.value("document.querySelector('#troubles').innerText.includes('127.0.0.1:9')")
        assert not await tab.value(f"document.querySelector('#troubles').innerText.includes(':{server.port}')")
        assert await tab.value("document.querySelector('h3 [data-cell=name]').textContent") == HOSTILE
        assert await tab.value("document.querySelectorAll('img').length") == 0
        assert await tab.value("document.querySelectorAll('script').length") == 1
        await tab.until(f"{row(f'127.0.0.1:{server.port}')}.querySelector('path').getAttribute('d')")


async def test_a_change_is_seen_within_two_seconds(tmp_path: Path) -> None:
    async with looked_at(tmp_path) as (tab, daemon, server):
        name = f"127.0.0.1:{server.port}"
        await tab.until(f"{row(name)}.dataset.state === 'up'")
        server.close()
        until = time.monotonic() + 20
        while f"Real server {name} (tcp:192.0.2.1:80) is down" not in daemon.log():
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        logged = time.monotonic()
        await tab.until(f"{row(name)}.dataset.state === 'down'")
        assert time.monotonic() - logged < 2
        assert await tab.value(f"{row(name)}.innerText.includes('L4CON')")
        assert await tab.value(f"{row(name)}.querySelector('abbr').title") == ReasonCode.L4CON.meaning
        assert await tab.value(f"document.querySelector('#troubles').innerText.includes('{name}')")
        await tab.until("document.querySelector('#events').innerText.includes('server-down')")
        await tab.until("document.querySelector('#summary').innerText.startsWith('2 of 4 servers up')")


async def test_an_operators_action_is_seen_with_who_and_why(tmp_path: Path) -> None:
    async with looked_at(tmp_path) as (tab, daemon, _):
        assert (await asyncio.to_thread(daemon.run, "drain", "127.0.0.3:9", "--why", HOSTILE, "--until", "2h"))[0] == 0
        await tab.until(f"{row('127.0.0.3:9')}.dataset.state === 'drain'")
        assert HOSTILE in await tab.value(f"{row('127.0.0.3:9')}.textContent")
        assert await tab.value("document.querySelectorAll('img').length") == 0
        await tab.until("document.querySelector('#troubles').innerText.includes('draining')")
        end = f"{row('127.0.0.3:9')}.querySelector('[data-cell=until]').textContent"
        shown = await tab.value(end)
        assert shown.startswith("until ")
        assert "UTC" not in shown
        await tab.visit(f"http://127.0.0.1:{daemon.port}/")
        assert await tab.value(end) == shown


async def test_a_certificate_near_its_end_hurts_until_there_is_another_one(tmp_path: Path) -> None:
    (folder := tmp_path / "tls").mkdir()
    old, new = (self_signed(folder, name, key=ELLIPTIC_KEY, expired=name == "old") for name in ("old", "new"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(old.certificate, old.key)
    async with servers() as started:
        port = await started.start(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), tls=tls)
        more = f"virtual=192.0.2.3:443\n    real=127.0.0.1:{port} masq\n    service=https\n"
        async with looked_at(tmp_path, more=more) as (tab, _, _):
            server, hurting = row(f"127.0.0.1:{port}"), "document.querySelector('#troubles').innerText"
            end = f"{server}.querySelector('[data-cell=certificate]')"
            await tab.until(f"{hurting}.includes('127.0.0.1:{port}')")
            assert await tab.value(f"{server}.dataset.state") == "up"
            hurts = f"{server}.querySelector('[data-cell=hurts]').textContent"
            assert await tab.value(hurts) == "certificate near its end"
            shown = await tab.value(f"{end}.textContent")
            assert shown.startswith("certificate ended ")
            assert "2020" in shown
            await tab.resize(390, 900, mobile=True)
            assert await tab.value(f"{end}.checkVisibility()")
            tls.load_cert_chain(new.certificate, new.key)
            await tab.until(f"!{hurting}.includes('127.0.0.1:{port}')")
            await tab.until(f"{end}.textContent.startsWith('certificate ends ')")
            assert not await tab.value(f"{end}.checkVisibility()")
            await tab.resize(1280, 900)
            assert await tab.value(f"{end}.checkVisibility()")


async def test_search_and_filter_are_in_the_address(tmp_path: Path) -> None:
    shown = "[...document.querySelectorAll('#virtuals tr[data-key]')].filter(r => r.checkVisibility()).length"
    async with looked_at(tmp_path, "?q=shop") as (tab, daemon, _):
        assert await tab.value(shown) == 2
        assert await tab.value("document.querySelector('#shown').textContent") == "2 of 4 servers"
        await tab.value("document.body.focus()")
        await tab.command("Input.dispatchKeyEvent", type="keyDown", key="/", text="/")
        assert await tab.value("document.activeElement.name") == "q"
        await tab.value("form.elements.q.select()")
        await tab.command("Input.insertText", text="127.0.0.1:9")
        assert await tab.value(shown) == 1
        assert await tab.value("location.search") == "?q=127.0.0.1%3A9"
        await tab.visit(f"http://127.0.0.1:{daemon.port}/?show=down")
        assert await tab.value(shown) == 1
        await tab.visit(f"http://127.0.0.1:{daemon.port}/?q=nothing-of-this-name")
        assert await tab.value(shown) == 0


async def test_without_news_it_is_grey_within_three_seconds_and_resumes(tmp_path: Path) -> None:
    async with looked_at(tmp_path) as (tab, daemon, server):
        page = daemon.page_pid
        os.kill(page, signal.SIGSTOP)
        try:
            stopped = time.monotonic()
            await tab.until("document.body.classList.contains('stale')")
            assert time.monotonic() - stopped < 3
            assert await tab.value("live.textContent") == "not live"
            await tab.until("age.textContent.startsWith('for 4')")
            server.close()
            await asyncio.sleep(1.5)
        finally:
            os.kill(page, signal.SIGCONT)
        await tab.until("live.textContent === 'live'")
        await tab.until(f"{row(f'127.0.0.1:{server.port}')}.dataset.state === 'down'")


async def test_it_follows_another_process_and_another_configuration(tmp_path: Path) -> None:
    async with looked_at(tmp_path) as (tab, daemon, _):
        first = await tab.value("last.split('.')[0]")
        os.kill(daemon.page_pid, signal.SIGKILL)
        await tab.until(f"last.split('.')[0] !== '{first}' && live.textContent === 'live'")
        with daemon.config.open("a") as file:
            file.write("virtual=192.0.2.3:80\n    real=127.0.0.4:9 masq\n    checktype=on\n")
        assert (await asyncio.to_thread(daemon.run, "reload"))[0] == 0
        await tab.until("document.querySelector('#virtuals').innerText.includes('tcp:192.0.2.3:80')")
        events = "[...document.querySelectorAll('#events b')].filter(e => e.textContent === 'server-down').length"
        assert await tab.value(events) == 1


async def test_a_silent_daemon_is_not_live(tmp_path: Path) -> None:
    async with looked_at(tmp_path) as (tab, daemon, _):
        os.kill(daemon.process.pid, signal.SIGSTOP)
        try:
            stopped = time.monotonic()
            await tab.until("document.body.classList.contains('stale')")
            assert time.monotonic() - stopped < 4
        finally:
            os.kill(daemon.process.pid, signal.SIGCONT)
        await tab.until("!document.body.classList.contains('stale')")


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not here: setup.sh could not download it, see .cache/axe/log")
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)], ids=["light", "dark", "phone"])
async def test_everybody_can_read_it(tmp_path: Path, width: int, dark: bool) -> None:
    async with looked_at(tmp_path) as (tab, daemon, _):
        assert (await asyncio.to_thread(daemon.run, "drain", "127.0.0.3:9"))[0] == 0
        await tab.resize(width, 900, dark=dark, mobile=width < 600)
        await tab.until("document.querySelector('#troubles').innerText.includes('draining')")
        assert await tab.value("document.documentElement.scrollWidth") == width
        await tab.command("Runtime.evaluate", expression=AXE.read_text())
        found = json.loads(await tab.value("axe.run().then(result => JSON.stringify(result.violations))"))
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []
