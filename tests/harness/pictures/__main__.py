"""``make pictures``: the page and ``top`` as in README.md, of a real director on a table in memory; as root.

The director, its servers and the browser are in a network namespace of their own, with a file of host names. All but
times and measured latencies is the same in each run.
"""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.browser import Tab, browser_tab
from harness.page_daemon import PageDaemon
from harness.pictures.director import EDIT_VARIABLE
from harness.pictures.site import ADDRESSES, CONFIG, SiteServer, running_site
from harness.pictures.terminal_svg import terminal_svg
from harness.screen_emulator import ScreenEmulator
from harness.terminal import Terminal, terminal

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
INSIDE = "--inside"
PAGE_WIDTH, PIXELS = 1000, 1.2
"""Width of the window, and pixels of each of its units."""
SUMMARY = "6 of 9 servers up, 4 with trouble"
"""What the page says when it is as it should be; a busy machine has doubts besides."""
TOP_SIZE = (11, 126)
"""Lines and columns."""
HISTORY_SECONDS = 70
"""How long the latencies in the page are collected."""


class PicturesDaemon(PageDaemon):
    """A daemon with a busy table, the rows of which somebody edits."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, CONFIG)
        self.edit = folder / "edit"
        self.environment |= {
            EDIT_VARIABLE: str(self.edit),
            "SUDO_USER": "alice",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def command(self, *words: str) -> list[str]:
        """Return the words of a command; ``run`` has the busy table."""
        program = "harness.pictures.director" if words[0] == "run" else "ldirectord_py"
        return [program if word == "ldirectord_py" else word for word in super().command(*words)]


def enter_namespace() -> None:
    """Run this program again where it is alone in the network, as the site."""
    words = ["unshare", "--net", "--mount", sys.executable, "-m", "harness.pictures", INSIDE]
    os.execvp(words[0], words)  # noqa: S606  no shell is wanted


def furnish_namespace(folder: Path) -> None:
    """Give this namespace the addresses of the servers, and their names in a file of this folder."""
    folder.chmod(0o755)  # the process of the page is another user's
    names = folder / "hosts"
    names.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in ADDRESSES.items()))
    subprocess.run(["mount", "--bind", str(names), "/etc/hosts"], check=True)
    lines = ["link set lo up", *(f"address add {address}/32 dev lo" for address in ADDRESSES.values())]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


async def main() -> None:
    """Draw all pictures."""
    with tempfile.TemporaryDirectory(prefix="pictures") as name:
        folder = Path(name)
        furnish_namespace(folder)
        daemon = PicturesDaemon(folder)
        async with running_site() as servers:
            await asyncio.to_thread(daemon.start)
            try:
                await _let_things_happen(daemon, servers)
                await asyncio.to_thread(_draw_top, daemon)
                await _draw_page(daemon)
            finally:
                await asyncio.to_thread(daemon.stop)


async def _let_things_happen(daemon: PicturesDaemon, servers: Mapping[str, SiteServer]) -> None:
    await asyncio.to_thread(daemon.page_with, "9 of 9 servers up")
    await asyncio.sleep(HISTORY_SECONDS)
    servers["web2"].sick = True
    await servers["mx2"].stop()
    await asyncio.to_thread(daemon.run, "drain", "web3", "--why", "kernel update", "--until", "2h")
    daemon.edit.write_text(f"{ADDRESSES['web4']} 7")
    await asyncio.sleep(10)


async def _draw_page(daemon: PicturesDaemon) -> None:
    async with browser_tab() as tab:
        await _shoot(tab, daemon, dark=False)
        await _shoot(tab, daemon, dark=True)


async def _shoot(tab: Tab, daemon: PicturesDaemon, *, dark: bool) -> None:
    """Take a picture that ends after the first virtual."""
    await tab.resize(PAGE_WIDTH, 800, dark=dark, scale=PIXELS)
    await tab.visit(f"http://127.0.0.1:{daemon.port}/")
    await tab.until("live.textContent === 'live'")
    await tab.until(f"document.getElementById('summary').textContent === '{SUMMARY}'", 60)
    bottom = await tab.value("Math.round(document.querySelector('.virtual').getBoundingClientRect().bottom)")
    await tab.resize(PAGE_WIDTH, bottom + 12, dark=dark, scale=PIXELS)
    await asyncio.sleep(1)
    await tab.screenshot(FOLDER / f"page-{'dark' if dark else 'light'}.png")


def _draw_top(daemon: PicturesDaemon) -> None:
    with terminal(daemon.command("top"), daemon.environment, TOP_SIZE) as opened:
        screens = _screens(opened)
        next(screen for screen in screens if screen.rows[1].startswith("4 servers in trouble"))
        opened.press("jjj")  # to the one that is drained
        screen = next(screen for screen in screens if screen.rows[-2].endswith("kernel update; 200 OK"))
    (FOLDER / "top.svg").write_text(terminal_svg("ldirectord-py web.cf top", screen.cells, TOP_SIZE[1]))


def _screens(opened: Terminal) -> Iterator[ScreenEmulator]:
    """Yield what is on the screen, again and again for a minute."""
    received, end = "", time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([opened.master], (), (), 0.1)[0]:
            received += os.read(opened.master, 65536).decode()
            screen = ScreenEmulator(TOP_SIZE[0])
            screen.write(received)
            yield screen


if __name__ == "__main__":
    if INSIDE not in sys.argv:
        enter_namespace()
    asyncio.run(main())
