"""Those who look at a daemon: a browser with its page, a scraper of its metrics, and ``top`` in a terminal."""

from __future__ import annotations

import http.client
import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from bench.ours import Ours
from harness.host import program_path
from harness.lab.namespace import eventually
from harness.terminal import Terminal, terminal

SCRAPE_INTERVAL: Final = 5.0
TIMEOUT: Final = 20.0


class Viewers:
    """A page, a scraper and ``top``. Their state: how many seconds each scrape took, and how many bytes it had."""

    def __init__(self, port: int) -> None:
        self.scrapes: list[float] = []
        self.lengths: list[int] = []
        self.screen = 0.0
        self._port = port
        self._ended = threading.Event()

    def end(self) -> None:
        """Let all of them go."""
        self._ended.set()

    def is_served(self) -> bool:
        """Return whether the metrics of the servers can be read."""
        try:
            return b"ldirectord_real_state" in self._get("/metrics")
        except (OSError, http.client.HTTPException):
            return False

    def scrape(self) -> None:
        """Read the metrics as Prometheus does, until the end."""
        while not self._ended.wait(SCRAPE_INTERVAL):
            began = time.monotonic()
            self.lengths.append(len(self._get("/metrics", "gzip")))
            self.scrapes.append(time.monotonic() - began)

    def browse(self) -> None:
        """Read the page and its changes, until the end."""
        self._get("/")
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        connection.request("GET", "/api/stream")
        response = connection.getresponse()
        while not self._ended.is_set():
            response.read1(65536)
        connection.close()

    def watch(self, top: Terminal) -> None:
        """Read the screen of ``top``, until the end."""
        while not self._ended.is_set():
            if select.select([top.master], (), (), 0.2)[0]:
                os.read(top.master, 65536)

    def _get(self, path: str, packing: str = "identity") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": packing})
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def viewers(ours: Ours, port: int) -> Iterator[Viewers]:
    """Let a browser, a scraper and ``top`` look at a daemon that serves its page at a port."""
    looking = Viewers(port)
    eventually(looking.is_served, 60, ours.log)
    command = ("ldirectord", str(ours.file("conf")), "top")
    environment = {**ours.environment(), "PATH": program_path(), "LANG": "C.UTF-8"}
    with ExitStack() as stack:
        began = time.monotonic()
        top = stack.enter_context(terminal(command, environment))
        top.wait_for("real servers up")
        looking.screen = time.monotonic() - began
        threads = [
            threading.Thread(target=looking.scrape),
            threading.Thread(target=looking.browse),
            threading.Thread(target=looking.watch, args=(top,)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield looking
        finally:
            looking.end()
            for thread in threads:
                thread.join()
