"""One scenario, run by the original and by ours: what each left at the marked points, and how the two compare."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness import mailbox
from harness.bench import Bench
from harness.host import ROOT
from harness.namespace import end, python
from harness.original import LOOK_SECONDS, ROUND_SECONDS, Original, Ours, Subject
from harness.proc import Weights

WITHIN: Final = 40.0
REST_SECONDS: Final = 1.2
DIFFERENCES: Final = ROOT / "docs" / "differences.md"

_TOLD = re.compile(
    r"(Added|Restored|Quiescent|Deleted) (real|fallback) server|(Added|Changed) virtual server"
    r"|Purged (real|virtual) server|Soft failure|Resetting soft failure"
)
_LOGGED = re.compile(r"^\[[^]|]*\|[^]|]*\|\d+\] (.*)$", re.MULTILINE)
_REASON = re.compile(r"(?<=/\d): .*")
_MONITORED = re.compile(r"^\[[^]]*\] \[\d+\] (.*) \[(up|down)\] ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Point:
    """What a daemon left since the point before; ``differs`` names what, and by which heading of the page."""

    name: str
    differs: dict[str, str] = field(compare=False)
    table: tuple[str, ...]
    log: tuple[str, ...]
    monitor: tuple[str, ...]
    mails: tuple[str, ...]
    commands: tuple[str, ...]

    def seen(self) -> dict[str, tuple[str, ...]]:
        """Return all that is compared."""
        names = ("table", "log", "monitor", "mails", "commands")
        return {name: getattr(self, name) for name in names}


class Run:
    """A scenario under way with one of the two daemons; ``ours`` says which."""

    def __init__(self, bench: Bench, *, ours: bool) -> None:
        self.ours = ours
        self.bench, self.director, self.farm = bench, bench.director, bench.farm
        self.folder = bench.director.folder
        self.points: list[Point] = []
        self.daemon: Subject = Ours(self.director) if ours else Original(self.director)
        self._read: dict[Path, int] = {}
        self._log, self._monitor = self.director.logfile, self.folder / "monitor"
        self._mails, self.commands = self.folder / "mails", self.folder / "commands"

    def configure(self, text: str) -> None:
        """Write the configuration, the checks of which are quick."""
        self.director.configure(f"checkinterval = 1\nchecktimeout = 4\nnegotiatetimeout = 8\n{text}")

    def start(self, text: str) -> None:
        """Start the daemon with a configuration."""
        self.configure(text)
        self.daemon.start()

    def reload(self, text: str) -> None:
        """Give the daemon another configuration."""
        self.configure(text)
        self.daemon.reload()

    def ipvs(self, arguments: str) -> None:
        """Change the kernel's table by hand."""
        self.bench.ipvs(*arguments.split())

    def rounds(self) -> None:
        """Let the checks have gone round."""
        time.sleep(ROUND_SECONDS)

    def receive_mails(self) -> Callable[[], object]:
        """Take mails from now on; return what ends that."""
        server = self.director.spawn(*python(Path(mailbox.__file__), str(self._mails)))
        return lambda: end(server)

    def script(self, name: str, text: str) -> Path:
        """Return a program for the shell; ``$OUT`` in it is where its lines are compared."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\nOUT={self.commands}\n{text}\n")
        path.chmod(0o755)
        return path

    def point(self, name: str, table: Weights, /, *, ours: Weights | None = None, **differs: str) -> None:
        """Wait until the table is this one and rests, and take all that there is to compare.

        ``differs`` names what differs here (table, log, ...) and the heading of the difference.
        """
        expected = ours if self.ours and ours is not None else table
        self._settle(name, expected)
        thresholds = self.director.run("ipvsadm", "-Ln", "--thresholds").splitlines()
        rows = sorted(line.rstrip() for line in thresholds if line.startswith("  ->"))
        self.points.append(
            Point(
                name,
                differs,
                (*self.director.saved(), *rows),
                _told(_LOGGED.findall(self._new(self._log))),
                tuple(sorted(f"{server} {state}" for server, state in dict(self._monitored()).items())),
                tuple(sorted(" ".join(json.loads(line)) for line in self._new(self._mails).splitlines())),
                tuple(sorted(set(self._new(self.commands).splitlines()))),
            )
        )

    def forget(self) -> None:
        """End the daemon and remove what it left."""
        self.daemon.kill()
        self.bench.clear()
        for path in (self._log, self._monitor, self._mails, self.commands, self.folder / "output"):
            path.unlink(missing_ok=True)

    def _settle(self, name: str, expected: Weights) -> None:
        began = since = time.monotonic()
        while time.monotonic() - since < REST_SECONDS:
            time.sleep(LOOK_SECONDS)
            if self.director.weights() != expected:
                since = time.monotonic()
                assert since - began < WITHIN, self._evidence(name, expected)

    def _evidence(self, name: str, expected: Weights) -> str:
        who = "ours" if self.ours else "the original"
        log = self.director.log()[-3000:]
        return f"{who} at {name!r}: expected {expected}\nis {self.director.weights()}\n{log}"

    def _monitored(self) -> Iterable[tuple[str, str]]:
        return [(found[0], found[1]) for found in _MONITORED.findall(self._new(self._monitor))]

    def _new(self, path: Path) -> str:
        """Return the lines of a file that are new since the last time."""
        text = path.read_text(errors="replace") if path.exists() else ""
        start = self._read.get(path, 0)
        self._read[path] = len(text)
        return text[start:]


Scenario = Callable[[Run], None]


def race(bench: Bench, scenario: Scenario) -> tuple[list[Point], list[Point]]:
    """Return the points of the original and of ours, one run after the other."""
    points: list[list[Point]] = []
    for ours in (False, True):
        run = Run(bench, ours=ours)
        try:
            scenario(run)
        finally:
            run.forget()
        points.append(run.points)
    return points[0], points[1]


def compare(originals: list[Point], ours: list[Point]) -> list[str]:
    """Return in words what differs and should not, or does not and should, or is not on the page."""
    page = DIFFERENCES.read_text()
    assert [point.name for point in originals] == [point.name for point in ours]
    wrong: list[str] = []
    for before, after in zip(originals, ours, strict=True):
        for what, value in before.seen().items():
            heading, now = before.differs.get(what), after.seen()[what]
            if heading is None and value != now:
                wrong.append(f"{before.name}: {what} differs\n  original {_lines(value)}\n  ours     {_lines(now)}")
            if heading is not None and value == now:
                wrong.append(f"{before.name}: {what} differs no longer ({heading})\n  both {_lines(value)}")
            if heading is not None and f"**{heading}**" not in page:
                wrong.append(f"{before.name}: the page has nothing about {heading!r}")
    return wrong


def _told(messages: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({_REASON.sub("", text) for text in messages if _TOLD.match(text)}))


def _lines(values: Iterable[str]) -> str:
    return "\n           ".join(values) or "nothing"
