"""The Perl original and ours, driven alike: what a scenario starts, reloads and stops."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from harness.director import Director

ORIGINAL = "/usr/sbin/ldirectord"
START_SECONDS = 60.0
END_SECONDS = 30.0
LOOK_SECONDS = 0.2
ROUND_SECONDS = 2.5
"""In which a daemon with checkinterval = 1 has looked at all servers of a scenario once more."""


def patiently(holds: Callable[[], bool], within: float, otherwise: Callable[[], str]) -> None:
    """Wait until ``holds()``, as ``eventually``, but look seldom: an emulated processor has little to spare."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within, otherwise()
        time.sleep(LOOK_SECONDS)


class Subject(Protocol):
    """A daemon under comparison, with the configuration that ``director.configure`` wrote."""

    def start(self) -> None:
        """Start the daemon."""

    def reload(self) -> None:
        """Send SIGHUP; return when the daemon has read its configuration again."""

    def stop(self) -> None:
        """Send SIGTERM; return when the daemon is gone."""

    def kill(self) -> None:
        """Send SIGKILL, if the daemon runs."""


class Ours:
    """Our daemon, as the lab runs it."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._runs = False

    def start(self) -> None:
        """Start the daemon."""
        self._runs = True
        self._director.start(START_SECONDS)

    def reload(self) -> None:
        """Send SIGHUP and wait for the notice that the daemon is ready again."""
        self._director.reload()

    def stop(self) -> None:
        """Send SIGTERM and wait."""
        self._director.stop()

    def kill(self) -> None:
        """Send SIGKILL and wait."""
        if self._runs:
            self._director.kill()


class Original:
    """Debian's ldirectord, which detaches; the name of its configuration keeps its pid file apart from others."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._config = director.folder / f"{director.netns}.cf"
        self._pid_file = Path(f"/var/run/ldirectord.{self._config.name}.pid")
        self._pid: int | None = None

    def start(self) -> None:
        """Start the daemon; return when its first round of checks is over."""
        if not self._config.is_symlink():
            self._config.symlink_to(self._director.config)
        self._director.run(ORIGINAL, str(self._config), "start")
        patiently(lambda: self._read_pid() is not None, START_SECONDS, self._director.log)
        self._pid = self._read_pid()
        self._await_round()

    def reload(self) -> None:
        """Send SIGHUP; return when the round of checks that follows is over."""
        before = self._reloads()
        os.kill(self._running(), signal.SIGHUP)
        patiently(lambda: self._reloads() > before, START_SECONDS, self._director.log)
        self._await_round()

    def stop(self) -> None:
        """Send SIGTERM and wait."""
        os.kill(self._running(), signal.SIGTERM)
        patiently(self._gone, END_SECONDS, self._director.log)

    def kill(self) -> None:
        """Send SIGKILL and wait."""
        if self._pid is not None and not self._gone():
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            patiently(self._gone, END_SECONDS, self._director.log)
        self._pid_file.unlink(missing_ok=True)

    def _await_round(self) -> None:
        """Wait until the daemon sleeps between two rounds: while it starts it sets servers up and down."""
        waits_in = Path(f"/proc/{self._running()}/wchan")
        patiently(lambda: "nanosleep" in waits_in.read_text(), START_SECONDS, self._director.log)

    def _running(self) -> int:
        assert self._pid is not None, "the original was never started"
        return self._pid

    def _read_pid(self) -> int | None:
        text = self._pid_file.read_text().strip() if self._pid_file.exists() else ""
        return int(text) if text else None

    def _reloads(self) -> int:
        return self._director.log().count("Reloading Linux Director Daemon config on signal")

    def _gone(self) -> bool:
        """Return whether the process has ended, be it that nobody has reaped it."""
        try:
            stat = Path(f"/proc/{self._running()}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        return stat.rpartition(")")[2].split()[0] == "Z"
