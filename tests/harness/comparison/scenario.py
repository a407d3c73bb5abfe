"""One scenario, run by the original and by ours: what each left at the marked points."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.comparison.checkpoint import Checkpoint, alerts, logged, mailed, monitored
from harness.comparison.daemons import LOOK_SECONDS, Original, Ours, Subject, patiently
from harness.comparison.farm_network import FarmNetwork
from harness.fakes import mailbox
from harness.lab.ip_vs_table import Weights
from harness.lab.namespace import end, python

WITHIN: Final = 90.0  # another daemon of ours is a new interpreter
REST_SECONDS: Final = 0.8
GROWING_SECONDS: Final = 5.0
"""Seconds after which a log that goes on growing is taken as it is."""


class Run:
    """A scenario under way with one of the two daemons; ``ours`` says which."""

    def __init__(self, bench: FarmNetwork, *, ours: bool) -> None:
        self.ours = ours
        self.bench, self.director, self.farm = bench, bench.director, bench.farm
        self.folder = bench.director.folder
        self.points: list[Checkpoint] = []
        self.daemon: Subject = Ours(self.director, bench.ours) if ours else Original(self.director, bench.original)
        self._read: dict[Path, int] = {}
        self._limited = False
        self._log, self._monitor = self.director.logfile, self.folder / "monitor"
        self._mails, self.commands = self.folder / "mails", self.folder / "commands"

    def configure(self, text: str) -> None:
        """Write the configuration, the checks of which are quick."""
        self._limited = self._limited or " u:" in text
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
        self.daemon.round()

    def receive_mails(self) -> Callable[[], object]:
        """Take mails from now on; return what ends that."""
        server = self.director.spawn(*python(Path(mailbox.__file__), str(self._mails)))
        return lambda: end(server)

    def await_mails(self, *, original: int, ours: int) -> None:
        """Wait until mails of so many changes have come since the point before."""
        wanted, start = (ours if self.ours else original), self._read.get(self._mails, 0)

        def come() -> bool:
            text = self._mails.read_text()[start:] if self._mails.exists() else ""
            return len(alerts(text[: text.rfind("\n") + 1].splitlines())) >= wanted

        patiently(come, WITHIN, lambda: f"not {wanted} mails\n{self.director.log()}")

    def await_text(self, path: Path, text: str, times: int) -> None:
        """Wait until a file has this text so many times."""
        patiently(
            lambda: path.exists() and path.read_text().count(text) >= times,
            WITHIN,
            lambda: f"{text!r} is not {times} times in {path}\n{self.director.log()}",
        )

    def script(self, name: str, text: str) -> Path:
        """Return a program for the shell; ``$OUT`` in it is where its lines are compared."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\nOUT={self.commands}\n{text}\n")
        path.chmod(0o755)
        return path

    def said(self, *, original: str = "", ours: str = "") -> None:
        """Assert what one daemon or both have said in their log so far."""
        wanted, log = (ours if self.ours else original), self._log.read_text()
        assert wanted in log, f"{wanted!r} is not in\n{log}"

    def alone(self, row: str, holds: bool) -> None:
        """Assert that something holds of the original and not of ours, as a row of the page says."""
        assert holds is not self.ours, f"{row}: {'ours' if self.ours else 'the original'}\n{self.director.log()}"

    def point(self, name: str, table: Weights, /, *, ours: Weights | None = None, **differs: str) -> None:
        """Wait until the table is this one and all rests, and take all that there is to compare.

        ``differs`` names what differs here (table, log, ...) and the row of the page that says so.
        """
        expected = ours if self.ours and ours is not None else table
        self._settle(name, expected)
        self.points.append(
            Checkpoint(
                name,
                differs,
                table=self.bench.table() + (self.bench.thresholds() if self._limited else ()),
                log=logged(self._new(self._log)),
                commands=tuple(sorted(set(self._new(self.commands).splitlines()))),
                **monitored(self._new(self._monitor)),
                **mailed(self._new(self._mails).splitlines()),
            )
        )

    def forget(self) -> None:
        """End the daemon and remove what it left."""
        self.daemon.close()
        self.bench.clear()
        for path in (self._log, self._monitor, self._mails, self.commands, self.folder / "output"):
            path.unlink(missing_ok=True)

    def _settle(self, name: str, expected: Weights) -> None:
        began = time.monotonic()
        while not self._rests(began, expected):
            assert time.monotonic() - began < WITHIN, self._evidence(name, expected)

    def _rests(self, began: float, expected: Weights) -> bool:
        """Return whether nothing but the expected table was there, and nothing was written, for REST_SECONDS."""
        before, since = self._left(), time.monotonic()
        while time.monotonic() - since < REST_SECONDS:
            time.sleep(LOOK_SECONDS)
            grows = self._left() != before and time.monotonic() - began < GROWING_SECONDS
            if grows or self.director.weights() != expected:
                return False
        self.daemon.rest()
        return self.director.weights() == expected

    def _left(self) -> tuple[int, ...]:
        """Return how much the daemon has written so far."""
        paths = (self._log, self._mails, self.commands)
        return tuple(path.stat().st_size if path.exists() else 0 for path in paths)

    def _evidence(self, name: str, expected: Weights) -> str:
        who = "ours" if self.ours else "the original"
        log = self.director.log()[-3000:]
        return f"{who} at {name!r}: expected {expected}\nis {self.director.weights()}\n{log}"

    def _new(self, path: Path) -> str:
        """Return the lines of a file that are new since the last time."""
        text = path.read_text(errors="replace") if path.exists() else ""
        start = self._read.get(path, 0)
        self._read[path] = len(text)
        return text[start:]


Scenario = Callable[[Run], None]


def compare_daemons(bench: FarmNetwork, scenario: Scenario) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """Return the points of the original and of ours, one run after the other."""
    points: list[list[Checkpoint]] = []
    for ours in (False, True):
        run = Run(bench, ours=ours)
        try:
            scenario(run)
        finally:
            run.forget()
        points.append(run.points)
    return points[0], points[1]
