"""Debian's Chromium without a window, driven over its debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    *("--disable-extensions", "--disable-dev-shm-usage", "--no-proxy-server"),
)


class Tab:
    """A tab. Its state: the addresses that it asked for, and the errors that its console has."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._socket = socket
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._session = ""
        self._reading = asyncio.create_task(self._read())

    async def open(self) -> None:
        """Make the tab, and record what it does."""
        target = await self.command("Target.createTarget", url="about:blank")
        attached = await self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.command(f"{domain}.enable")

    async def command(self, method: str, **parameters: Any) -> Any:
        """Return the result of a command; raises RuntimeError."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        session = {"sessionId": self._session} if self._session else {}
        await self._socket.send_json({"id": number, "method": method, "params": parameters, **session})
        async with asyncio.timeout(60):
            return await answer

    async def visit(self, url: str) -> None:
        """Read a page, and wait until its script has run."""
        await self.command("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && typeof tick === 'function'")

    async def value(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript; that of a promise if it is one."""
        answer = await self.command(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 20) -> None:
        """Wait until an expression is true."""
        try:
            async with asyncio.timeout(seconds):
                while not await self.value(expression):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            text = await self.value("document.body.innerText")
            raise AssertionError(f"not within {seconds} s: {expression}; the page: {text}") from None

    async def resize(
        self, width: int, height: int, *, dark: bool = False, mobile: bool = False, scale: float = 1
    ) -> None:
        """Change the size of the window, the scheme of colours, and how many pixels a unit has (on a phone, two)."""
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if mobile else scale, "mobile": mobile}
        await self.command("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.command("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self, file: Path) -> None:
        """Write what the window shows to a PNG file."""
        answer = await self.command("Page.captureScreenshot", format="png")
        await asyncio.to_thread(file.write_bytes, base64.b64decode(answer["data"]))

    async def close(self) -> None:
        """Stop reading."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        async for message in self._socket:
            self._take(message.json())

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            answer = self._answers.pop(message["id"])
            if "error" in message:
                answer.set_exception(RuntimeError(str(message["error"])))
            else:
                answer.set_result(message["result"])
            return
        parameters = message["params"]
        match message["method"]:
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(str(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in {"error", "warning", "assert"}:
                self.errors.append(str(parameters["args"]))
            case "Log.entryAdded" if parameters["entry"]["level"] in {"error", "warning"}:
                self.errors.append(str(parameters["entry"]))


@asynccontextmanager
async def browser_tab() -> AsyncIterator[Tab]:
    """Yield a tab of a browser of its own."""
    with tempfile.TemporaryDirectory(prefix="browser", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *("chromium", *OPTIONS, f"--user-data-dir={profile}", "about:blank"),
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert process.stderr
        try:
            url = await asyncio.wait_for(_address(process.stderr), 60)
            draining = asyncio.create_task(_discard(process.stderr))
            async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as socket:
                tab = Tab(socket)
                try:
                    await tab.open()
                    yield tab
                finally:
                    await tab.close()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        await draining


async def _address(output: asyncio.StreamReader) -> str:
    while line := await output.readline():
        if found := re.search(rb"DevTools listening on (ws://\S+)", line):
            return found[1].decode()
    raise OSError("Chromium does not start")


async def _discard(output: asyncio.StreamReader) -> None:
    while await output.read(65536):
        pass
