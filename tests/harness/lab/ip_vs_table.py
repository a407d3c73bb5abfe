"""The kernel's table in /proc/net/ip_vs, which can be read twenty times a second."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Self

SAMPLE_SECONDS = 0.05
HEAD_LINES = 3

Weights = dict[str, dict[str, int]]
"""Service -> destination -> weight; ``TCP 10.9.0.100:80``, ``UDP [fd00::1]:53``, ``FWM 1``; ``10.9.1.11:80``."""


def read_weights(path: Path) -> Weights:
    """Return the table in ``path``, a /proc/PID/net/ip_vs."""
    return parse_weights(path.read_text())


def parse_weights(text: str) -> Weights:
    """Return the table that such a file has."""
    table: Weights = {}
    destinations: dict[str, int] = {}
    for line in text.splitlines()[HEAD_LINES:]:
        words = line.split()
        if words[0] == "->":
            destinations[_endpoint(words[1])] = int(words[3])
        else:
            name = str(int(words[1], 16)) if words[0] == "FWM" else _endpoint(words[1])
            destinations = table.setdefault(f"{words[0]} {name}", {})
    return table


def _endpoint(text: str) -> str:
    """Return address and port in the usual notation: the kernel prints ``0A090064:0050`` and ``[fd00::1]:0050``."""
    address, _, port = text.rpartition(":")
    readable = f"[{ip_address(address[1:-1])}]" if address.startswith("[") else str(ip_address(int(address, 16)))
    return f"{readable}:{int(port, 16)}"


@dataclass(slots=True)
class WeightSampler:
    """Samples a table every 50 ms during the block and at its end; ``samples`` has each change with its time."""

    path: Path
    samples: list[tuple[float, Weights]] = field(default_factory=list)
    _thread: threading.Thread | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._sample()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        self._sample()

    def history(self, service: str, destination: str) -> list[tuple[float, int | None]]:
        """Return times (monotonic seconds) and weights, the first one and each change; None: no row."""
        changes: list[tuple[float, int | None]] = []
        for when, table in self.samples:
            weight = table.get(service, {}).get(destination)
            if not changes or changes[-1][1] != weight:
                changes.append((when, weight))
        return changes

    def weights(self, service: str, destination: str) -> list[int | None]:
        """Return the successive weights of a destination: ``[1]`` if it never changed."""
        return [weight for _, weight in self.history(service, destination)]

    def _work(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self._sample()

    def _sample(self) -> None:
        table = read_weights(self.path)
        if not self.samples or self.samples[-1][1] != table:
            self.samples.append((time.monotonic(), table))
