"""The Perl original and our daemon behind one interface: start, reload, stop, kill."""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from harness.comparison.fork_server import ForkServer
from harness.lab.director import Director
from harness.lab.notify_socket import NotifySocket

START_SECONDS: Final = 240.0  # on a host with much other work, the first round of the original takes over a minute
END_SECONDS: Final = 90.0
LOOK_SECONDS: Final = 0.2
ROUND_SECONDS: Final = 1.6
"""Seconds in which each of our checks with checkinterval = 1 runs once."""

RUNDIR: Final = Path("/var/run")
RELOADED: Final = "Reloading Linux Director Daemon config on signal"


def poll_slowly(holds: Callable[[], bool], within: float, otherwise: Callable[[], str]) -> None:
    """Wait until ``holds()``, as ``eventually``, but poll less often: an emulated processor is slow."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within, otherwise()
        time.sleep(LOOK_SECONDS)


class ComparedDaemon(ABC):
    """A daemon under comparison, with the configuration that ``director.configure`` wrote.

    It detaches. Each daemon has its own pid file, named after its configuration.
    """

    def __init__(self, director: Director, fork_server: ForkServer) -> None:
        self._director, self._fork_server = director, fork_server
        self._config = director.folder / f"{director.netns}.cf"
        self._pid_file = RUNDIR / f"ldirectord.{self._config.name}.pid"
        self.pid: int | None = None
        if not self._config.is_symlink():
            self._config.symlink_to(director.config)

    def start(self) -> None:
        """Start the daemon; return when it is ready."""
        self.command("start")
        poll_slowly(lambda: _read_pid(self._pid_file) is not None, START_SECONDS, self._director.log)
        self.pid = _read_pid(self._pid_file)
        self._await_start()

    def command(self, word: str, **environment: str) -> None:
        """Run a command of the program; return when the command has ended."""
        variables = (f"{name}={value}" for name, value in environment.items())
        output = self._director.folder / "output"
        pid = self._fork_server.fork(self._director.netns, output, *variables, str(self._config), word)
        poll_slowly(lambda: _gone(pid), START_SECONDS, self._director.log)

    @abstractmethod
    def reload(self) -> None:
        """Send SIGHUP; return when the daemon has read its configuration again."""

    @abstractmethod
    def wait_until_idle(self) -> None:
        """Return when the daemon is not changing anything."""

    @abstractmethod
    def wait_for_checks(self) -> None:
        """Return when every server has been checked once more."""

    def stop(self) -> None:
        """Send SIGTERM and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL if the daemon runs, and wait; nothing is cleaned up."""
        if self.pid is not None:
            self._end(signal.SIGKILL)

    def close(self) -> None:
        """Kill the daemon and the daemons that it started, and remove their pid files."""
        for pid_file in RUNDIR.glob(f"ldirectord.*{self._director.netns}.cf.pid"):
            self.pid = _read_pid(pid_file)
            self.kill()
            pid_file.unlink(missing_ok=True)

    @abstractmethod
    def _await_start(self) -> None: ...

    def _end(self, how: signal.Signals) -> None:
        pid = self._running()
        with suppress(ProcessLookupError):
            os.kill(pid, how)
        poll_slowly(lambda: _gone(pid), END_SECONDS, self._director.log)
        self.pid = None

    def _running(self) -> int:
        assert self.pid is not None, "the daemon was never started"
        return self.pid


class OurDaemon(ComparedDaemon):
    """Our daemon, which notifies its supervisor when it is ready."""

    def __init__(self, director: Director, fork_server: ForkServer) -> None:
        super().__init__(director, fork_server)
        self._socket = NotifySocket(director.folder / "notices")

    def command(self, word: str, **environment: str) -> None:
        """Run a command of the program with the notification socket in its environment."""
        self._socket.drain()
        super().command(word, NOTIFY_SOCKET=str(self._socket.path), **environment)

    def reload(self) -> None:
        """Send SIGHUP and wait for the notice that the daemon is ready again."""
        self._socket.drain()
        os.kill(self._running(), signal.SIGHUP)
        self._await_start()

    def wait_until_idle(self) -> None:
        """Return at once: our daemon writes each row once."""

    def wait_for_checks(self) -> None:
        """Wait a little longer than the checkinterval."""
        time.sleep(ROUND_SECONDS)

    def close(self) -> None:
        """Kill the daemon and remove its pid file and its socket."""
        super().close()
        self._socket.close()
        self._socket.path.unlink()

    def _await_start(self) -> None:
        assert self._socket.ready(START_SECONDS, lambda: not _gone(self._running())), self._director.log()


class OriginalDaemon(ComparedDaemon):
    """Debian's ldirectord, which notifies nobody: its state is read from /proc."""

    def reload(self) -> None:
        """Send SIGHUP; return when the next round of checks has ended."""
        before = self._reloads()
        os.kill(self._running(), signal.SIGHUP)
        poll_slowly(lambda: self._reloads() > before, START_SECONDS, self._director.log)
        self._await_sleep()

    def wait_until_idle(self) -> None:
        """Wait until the daemon sleeps: before that it may still add and remove servers."""
        if self.pid is not None:
            self._await_sleep()

    def wait_for_checks(self) -> None:
        """Wait until the daemon sleeps twice: between two sleeps it checks every server."""
        self._await_sleep(after=self._await_sleep())

    def _await_start(self) -> None:
        self._await_sleep()

    def _await_sleep(self, after: str = "") -> str:
        """Wait for a sleep between two rounds other than the sleep ``after``; return an identifier of the sleep."""
        asleep: list[str] = []

        def sleeps() -> bool:
            asleep[:] = [_sleep(self._running())]
            return asleep[0] not in ("", after) or _gone(self._running())

        poll_slowly(sleeps, START_SECONDS, self._director.log)
        return asleep[0]

    def _reloads(self) -> int:
        return self._director.log().count(RELOADED)


def _read_pid(path: Path) -> int | None:
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text else None


def _sleep(pid: int) -> str:
    """Return the count of context switches of a process in a timed sleep, "" if it does not sleep."""
    folder = Path(f"/proc/{pid}")
    with suppress(FileNotFoundError, ProcessLookupError):
        status, waits_in = (
            (folder / name).read_text() for name in ("status", "stack")
        )  # wchan is vague in some kernels
        waits = [line for line in status.splitlines() if line.startswith("voluntary_ctxt")]
        return waits[0] if "nanosleep" in waits_in else ""
    return ""


def _gone(pid: int) -> bool:
    """Return whether the process has ended; a zombie has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
