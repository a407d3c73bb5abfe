"""The client of the lab: its requests and their results."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.lab.namespace import Namespace, end, eventually, python

SCRIPT = Path(__file__).with_name("requests.py")
ONE_CONNECTION = Path(__file__).with_name("one_connection.py")
REQUEST_TIMEOUT = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Request:
    """One request: when it started (``time.monotonic()``), the seconds it took, and the server that answered.

    ``failure`` is empty, or refused, reset, timeout, truncated, errno-N or an HTTP status; then ``server`` is empty.
    """

    started: float
    seconds: float
    server: str
    failure: str

    @classmethod
    def parse(cls, line: str) -> Request:
        """Return the request that a line of requests.py describes."""
        started, seconds, outcome, detail = line.split(" ", 3)
        good = outcome == "ok"
        return cls(float(started), float(seconds), detail if good else "", "" if good else detail)


class Traffic:
    """Running traffic; ``since`` and ``until`` select requests by their start. Its state: what was read of the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._requests: list[Request] = []

    def requests(self, since: float = 0, until: float = float("inf")) -> list[Request]:
        """Return the requests that have ended."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._offset += len(complete)
        self._requests += map(Request.parse, complete.decode().splitlines())
        return [request for request in self._requests if since <= request.started < until]

    def counts(self, since: float = 0, until: float = float("inf")) -> Counter[str]:
        """Return how many requests each server answered."""
        return Counter(request.server for request in self.requests(since, until) if not request.failure)

    def failures(self, since: float = 0, until: float = float("inf")) -> list[Request]:
        """Return the requests that failed."""
        return [request for request in self.requests(since, until) if request.failure]

    def wait(self, requests: int, within: float = 30) -> None:
        """Wait until so many requests have started and ended from now on."""
        now = time.monotonic()
        eventually(lambda: len(self.requests(now)) >= requests, within, lambda: f"{requests} requests after {now:.3f}")


def get(place: Namespace, address: object, path: str = "/", port: int = 80) -> str:
    """Send a request from a namespace; return the body of the answer, or the kind of failure (see Request)."""
    request = Request.parse(
        place.run(*python(SCRIPT, "once", str(REQUEST_TIMEOUT), str(address), str(port), path)).rstrip()
    )
    return request.failure or request.server


class Client(Namespace):
    """The namespace of the clients."""

    @contextmanager
    def traffic(
        self, vip: str, port: int = 80, workers: int = 2, pause: float = 0.02, timeout: float = 10
    ) -> Iterator[Traffic]:
        """Send requests to the virtual service until the block ends: ``workers`` at a time, ``pause`` s apart.

        A request fails as ``timeout`` after ``timeout`` s of silence: long, because an emulated machine may be slow.
        """
        path = self.folder / f"requests-{time.monotonic_ns()}"
        with path.open("wb") as output:
            argv = python(SCRIPT, "endless", str(timeout), vip, str(port), str(workers), str(pause))
            process = self.spawn(*argv, output=output)
        try:
            yield Traffic(path)
        finally:
            end(process)

    @contextmanager
    def one_connection(self, vip: str) -> Iterator[Traffic]:
        """Send requests to port 80 on one connection, which is reset when the block ends."""
        path = self.folder / "one"
        with path.open("wb") as output:
            process = self.spawn(*python(ONE_CONNECTION, vip, "80", "0.2", "20", "reset"), output=output)
        try:
            yield Traffic(path)
        finally:
            end(process)
