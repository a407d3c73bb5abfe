"""A daemon as a process that serves its page, by a process of its own as another user."""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import AbstractContextManager
from pathlib import Path

from harness.memory_daemon import MemoryDaemon, running
from harness.readable_python import readable_by_all


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class PageDaemon(MemoryDaemon):
    """A daemon with ``listen``."""

    def __init__(self, folder: Path, text: str) -> None:
        self.port = free_port()
        super().__init__(folder, f"listen={self.port}\n{text}")

    def command(self, *words: str) -> list[str]:
        """Return the words of a command; it and its children can be run by other users."""
        return [*readable_by_all(), *super().command(*words)]

    def get(self, path: str = "/", port: int | None = None) -> tuple[int, str]:
        """Return status and body of an answer; raises OSError."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def page_with(self, text: str, port: int | None = None, seconds: float = 30) -> str:
        """Return the page as soon as a text is in it."""
        until, page = time.monotonic() + seconds, ""
        while time.monotonic() < until:
            try:
                page = self.get("/", port)[1]
            except OSError:
                page = ""
            if text in page:
                return page
            time.sleep(0.05)
        raise AssertionError(f"no {text} in {page[:2000]}; the log: {self.log()}")

    @property
    def page_pid(self) -> int:
        """The process of the page."""
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = status.read_bytes().split(b"\0")
            except OSError:
                continue
            if b"ldirectord_py.web.main" in words and self._parent(status.parent) == self.process.pid:
                return int(status.parent.name)
        raise AssertionError(f"no process of the page; the log: {self.log()}")

    @staticmethod
    def _parent(process: Path) -> int:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])


def page_daemon(folder: Path, text: str) -> AbstractContextManager[PageDaemon]:
    """Return the context of a daemon that serves its page, stopped at the end."""
    return running(PageDaemon(folder, text))
