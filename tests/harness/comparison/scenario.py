"""Runs a scenario with the original and with our daemon, and records a checkpoint at each marked place."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.comparison.checkpoint import Checkpoint, alerts, logged, mailed, monitored
from harness.comparison.daemons import LOOK_SECONDS, ComparedDaemon, OriginalDaemon, OurDaemon, poll_slowly
from harness.comparison.farm_network import FarmNetwork
from harness.fakes import mailbox
from harness.lab.ip_vs_table import Weights
from harness.lab.namespace import end, python

CHECKPOINT_TIMEOUT: Final = 240.0  # seconds; a daemon of ours that execute starts is a new interpreter
QUIET_SECONDS: Final = 0.8
GROWING_SECONDS: Final = 5.0
"""Seconds after which a checkpoint no longer waits for the log to stop growing."""


class Run:
    """A scenario that runs with one of the two daemons; ``ours`` says which."""

    def __init__(self, network: FarmNetwork, *, ours: bool) -> None:
        self.ours = ours
        self.network, self.director, self.farm = network, network.director, network.farm
        self.folder = network.director.folder
        self.checkpoints: list[Checkpoint] = []
        self.daemon: ComparedDaemon = (
            OurDaemon(self.director, network.ours) if ours else OriginalDaemon(self.director, network.original)
        )
        self._read: dict[Path, int] = {}
        self._limited = False
        self._log, self._monitor = self.director.logfile, self.folder / "monitor"
        self._mails, self.commands = self.folder / "mails", self.folder / "commands"

    def configure(self, text: str) -> None:
        """Write the configuration, with short intervals and timeouts."""
        self._limited = self._limited or " u:" in text
        self.director.configure(f"checkinterval = 1\nchecktimeout = 4\nnegotiatetimeout = 8\n{text}")

    def start(self, text: str) -> None:
        """Start the daemon with a configuration."""
        self.configure(text)
        self.daemon.start()

    def reload(self, text: str) -> None:
        """Write another configuration and reload it."""
        self.configure(text)
        self.daemon.reload()

    def ipvs(self, arguments: str) -> None:
        """Change the kernel's table by hand."""
        self.network.ipvs(*arguments.split())

    def wait_for_checks(self) -> None:
        """Wait until every server has been checked once more."""
        self.daemon.wait_for_checks()

    def receive_mails(self) -> Callable[[], object]:
        """Start a mail server; return a function that stops it."""
        server = self.director.spawn(*python(Path(mailbox.__file__), str(self._mails)))
        return lambda: end(server)

    def await_mails(self, *, original: int, ours: int) -> None:
        """Wait until mails about so many changes have arrived since the previous checkpoint."""
        wanted, start = (ours if self.ours else original), self._read.get(self._mails, 0)

        def arrived() -> bool:
            text = self._mails.read_text()[start:] if self._mails.exists() else ""
            return len(alerts(text[: text.rfind("\n") + 1].splitlines())) >= wanted

        poll_slowly(arrived, CHECKPOINT_TIMEOUT, lambda: f"not {wanted} mails\n{self.director.log()}")

    def await_text(self, path: Path, text: str, times: int) -> None:
        """Wait until a file contains this text so many times."""
        poll_slowly(
            lambda: path.exists() and path.read_text().count(text) >= times,
            CHECKPOINT_TIMEOUT,
            lambda: f"{text!r} is not {times} times in {path}\n{self.director.log()}",
        )

    def script(self, name: str, text: str) -> Path:
        """Write a shell script and return its path; lines that it writes to ``$OUT`` are compared."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\nOUT={self.commands}\n{text}\n")
        path.chmod(0o755)
        return path

    def assert_log(self, *, original: str = "", ours: str = "") -> None:
        """Assert that a text is in the log of one daemon or of both."""
        wanted, log = (ours if self.ours else original), self._log.read_text()
        assert wanted in log, f"{wanted!r} is not in\n{log}"

    def assert_original_only(self, row: str, holds: bool) -> None:
        """Assert that something holds for the original and not for ours, as a row of docs/differences.md says."""
        assert holds is not self.ours, f"{row}: {'ours' if self.ours else 'the original'}\n{self.director.log()}"

    def checkpoint(self, name: str, table: Weights, /, *, ours: Weights | None = None, **differs: str) -> None:
        """Wait until the kernel has this table and nothing changes any more, and record a checkpoint.

        ``differs`` maps what differs here (table, log, ...) to the row of docs/differences.md that describes it.
        """
        expected = ours if self.ours and ours is not None else table
        self._wait_until_quiet(name, expected)
        self.checkpoints.append(
            Checkpoint(
                name,
                differs,
                table=self.network.table() + (self.network.thresholds() if self._limited else ()),
                log=logged(self._new_text(self._log)),
                commands=tuple(sorted(set(self._new_text(self.commands).splitlines()))),
                **monitored(self._new_text(self._monitor)),
                **mailed(self._new_text(self._mails).splitlines()),
            )
        )

    def reset(self) -> None:
        """Kill the daemon, and remove its files and its rows in the kernel."""
        self.daemon.close()
        self.network.clear()
        for path in (self._log, self._monitor, self._mails, self.commands, self.folder / "output"):
            path.unlink(missing_ok=True)

    def _wait_until_quiet(self, name: str, expected: Weights) -> None:
        began = time.monotonic()
        while not self._is_quiet(began, expected):
            assert time.monotonic() - began < CHECKPOINT_TIMEOUT, self._evidence(name, expected)

    def _is_quiet(self, began: float, expected: Weights) -> bool:
        """Return whether the table was as expected, and nothing was written, for QUIET_SECONDS."""
        before, since = self._sizes(), time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            time.sleep(LOOK_SECONDS)
            grows = self._sizes() != before and time.monotonic() - began < GROWING_SECONDS
            if grows or self.director.weights() != expected:
                return False
        self.daemon.wait_until_idle()
        return self.director.weights() == expected

    def _sizes(self) -> tuple[int, ...]:
        """Return the sizes of the files that the daemon writes."""
        paths = (self._log, self._mails, self.commands)
        return tuple(path.stat().st_size if path.exists() else 0 for path in paths)

    def _evidence(self, name: str, expected: Weights) -> str:
        who = "ours" if self.ours else "the original"
        log = self.director.log()[-3000:]
        return f"{who} at {name!r}: expected {expected}\nis {self.director.weights()}\n{log}"

    def _new_text(self, path: Path) -> str:
        """Return what was added to a file since the last call."""
        text = path.read_text(errors="replace") if path.exists() else ""
        start = self._read.get(path, 0)
        self._read[path] = len(text)
        return text[start:]


Scenario = Callable[[Run], None]


def compare_daemons(network: FarmNetwork, scenario: Scenario) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """Return the checkpoints of the original and of ours; runs one after the other."""
    checkpoints: list[list[Checkpoint]] = []
    for ours in (False, True):
        run = Run(network, ours=ours)
        try:
            scenario(run)
        finally:
            run.reset()
        checkpoints.append(run.checkpoints)
    return checkpoints[0], checkpoints[1]
