"""The Perl original and ours, driven alike: what a scenario starts, reloads, stops and kills."""

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

START_SECONDS: Final = 60.0
END_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.2
ROUND_SECONDS: Final = 1.6
"""In which each check of ours with checkinterval = 1 has come once more."""

RUNDIR: Final = Path("/var/run")
RELOADED: Final = "Reloading Linux Director Daemon config on signal"


def patiently(holds: Callable[[], bool], within: float, otherwise: Callable[[], str]) -> None:
    """Wait until ``holds()``, as ``eventually``, but look seldom: an emulated processor has little to spare."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within, otherwise()
        time.sleep(LOOK_SECONDS)


class Subject(ABC):
    """A daemon under comparison, with the configuration that ``director.configure`` wrote.

    It detaches; the name of its configuration keeps its pid file apart from others.
    """

    def __init__(self, director: Director, fork_server: ForkServer) -> None:
        self._director, self._fork_server = director, fork_server
        self._config = director.folder / f"{director.netns}.cf"
        self._pid_file = RUNDIR / f"ldirectord.{self._config.name}.pid"
        self.pid: int | None = None
        if not self._config.is_symlink():
            self._config.symlink_to(director.config)

    def start(self) -> None:
        """Start the daemon; return when it serves."""
        self.command("start")
        patiently(lambda: _read_pid(self._pid_file) is not None, START_SECONDS, self._director.log)
        self.pid = _read_pid(self._pid_file)
        self._await_start()

    def command(self, word: str, **environment: str) -> None:
        """Carry out a command of the program; return when the command has ended."""
        variables = (f"{name}={value}" for name, value in environment.items())
        output = self._director.folder / "output"
        pid = self._fork_server.fork(self._director.netns, output, *variables, str(self._config), word)
        patiently(lambda: _gone(pid), START_SECONDS, self._director.log)

    @abstractmethod
    def reload(self) -> None:
        """Send SIGHUP; return when the daemon has read its configuration again."""

    @abstractmethod
    def rest(self) -> None:
        """Return when the daemon is not in the midst of changes."""

    @abstractmethod
    def round(self) -> None:
        """Return when every server has been checked once more."""

    def stop(self) -> None:
        """Send SIGTERM and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, if the daemon runs, and wait; what it leaves stays."""
        if self.pid is not None:
            self._end(signal.SIGKILL)

    def close(self) -> None:
        """Kill the daemon and those that it started, and remove their pid files."""
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
        patiently(lambda: _gone(pid), END_SECONDS, self._director.log)
        self.pid = None

    def _running(self) -> int:
        assert self.pid is not None, "the daemon was never started"
        return self.pid


class Ours(Subject):
    """Our daemon, which tells when it is ready."""

    def __init__(self, director: Director, fork_server: ForkServer) -> None:
        super().__init__(director, fork_server)
        self._notices = NotifySocket(director.folder / "notices")

    def command(self, word: str, **environment: str) -> None:
        """Carry out a command of the program; the daemon that it starts knows where to tell."""
        self._notices.drain()
        super().command(word, NOTIFY_SOCKET=str(self._notices.path), **environment)

    def reload(self) -> None:
        """Send SIGHUP and wait for the notice that the daemon is ready again."""
        self._notices.drain()
        os.kill(self._running(), signal.SIGHUP)
        self._await_start()

    def rest(self) -> None:
        """Return at once: ours writes no row that is to be written again."""

    def round(self) -> None:
        """Let an interval pass, and some more."""
        time.sleep(ROUND_SECONDS)

    def close(self) -> None:
        """Kill the daemon and remove its pid file and its socket."""
        super().close()
        self._notices.close()
        self._notices.path.unlink()

    def _await_start(self) -> None:
        assert self._notices.ready(START_SECONDS, lambda: not _gone(self._running())), self._director.log()


class Original(Subject):
    """Debian's ldirectord, which tells nothing."""

    def reload(self) -> None:
        """Send SIGHUP; return when the round of checks that follows is over."""
        before = self._reloads()
        os.kill(self._running(), signal.SIGHUP)
        patiently(lambda: self._reloads() > before, START_SECONDS, self._director.log)
        self._await_sleep()

    def rest(self) -> None:
        """Wait until the daemon sleeps: before, it may set servers up and down."""
        if self.pid is not None:
            self._await_sleep()

    def round(self) -> None:
        """Wait until the daemon sleeps, and once more: a round is what lies between."""
        self._await_sleep(after=self._await_sleep())

    def _await_start(self) -> None:
        self._await_sleep()

    def _await_sleep(self, after: str = "") -> str:
        """Wait until the daemon sleeps between two rounds, not as it did ``after``; return how to know that sleep."""
        asleep: list[str] = []

        def sleeps() -> bool:
            asleep[:] = [_sleep(self._running())]
            return asleep[0] not in ("", after) or _gone(self._running())

        patiently(sleeps, START_SECONDS, self._director.log)
        return asleep[0]

    def _reloads(self) -> int:
        return self._director.log().count(RELOADED)


def _read_pid(path: Path) -> int | None:
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text else None


def _sleep(pid: int) -> str:
    """Return how often the process has waited when it sleeps for a time, or nothing when it does not sleep."""
    folder = Path(f"/proc/{pid}")
    with suppress(FileNotFoundError, ProcessLookupError):
        status, waits_in = (
            (folder / name).read_text() for name in ("status", "stack")
        )  # wchan is vague in some kernels
        waits = [line for line in status.splitlines() if line.startswith("voluntary_ctxt")]
        return waits[0] if "nanosleep" in waits_in else ""
    return ""


def _gone(pid: int) -> bool:
    """Return whether the process has ended, be it that nobody has reaped it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
