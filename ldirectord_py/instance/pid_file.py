"""The process of an instance: its lock, its pid file, and the signals that control it.

The running daemon holds a lock on ``ldirectord.INSTANCE.lock``, which contains its pid; the lock ends with the process.
The pid file beside it is for other programs; without a lock it is stale.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ldirectord_py.errors import LdirectordError

RUNDIR = "/var/run"
RUNDIR_VARIABLE = "LDIRECTORD_RUNDIR"
STATEDIR = "/var/lib/ldirectord"
STATEDIR_VARIABLE = "LDIRECTORD_STATEDIR"
TERM_TIMEOUT = 10.0
"""Seconds that ``stop`` waits before it kills the daemon, which takes less than two to stop."""

KILL_TIMEOUT = 2.0
POLL_INTERVAL = 0.02
PID_TIMEOUT = 1.0
LOCK_TIMEOUT = 0.2


class AlreadyRunningError(LdirectordError):
    """Another daemon of this instance holds the lock."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock of an instance, held until the descriptor is closed in every process that inherited it."""

    descriptor: int

    def write_pid(self) -> None:
        """Write the pid of this process to the lock file."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Release the lock, unless another process has inherited it."""
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance, whose pid and lock file are in ``folder``; ``state_folder`` is that of its state file, if given."""

    name: str
    folder: Path
    state_folder: Path | None = None

    @property
    def pid_file(self) -> Path:
        """The file from which other programs read the pid of the daemon."""
        return self.folder / f"ldirectord.{self.name}.pid"

    @property
    def lock_file(self) -> Path:
        """The file that the daemon locks; it stays when the daemon ends."""
        return self.folder / f"ldirectord.{self.name}.lock"

    @property
    def socket_file(self) -> Path:
        """The control socket of the daemon."""
        return self.folder / f"ldirectord.{self.name}.sock"

    @property
    def state_file(self) -> Path:
        """The file of what lasts over a restart."""
        return (self.state_folder or self.folder) / f"{self.name}.json"

    def running_pid(self) -> int | None:
        """Return the pid of the running daemon, or None; waits for a daemon that has just started to write its pid."""
        try:
            return self._lock_holder()
        except PermissionError:  # only root may open the lock; other users get the pid file
            pid = _read_pid(self.pid_file)
            return pid if pid is not None and Path(f"/proc/{pid}").exists() else None

    def has_stale_pid_file(self) -> bool:
        """Return whether there is a pid file; call it only while no daemon runs."""
        return self.pid_file.exists()

    def lock(self) -> Lock:
        """Lock the instance; raises AlreadyRunningError."""
        deadline = time.monotonic() + LOCK_TIMEOUT  # ``status`` and others lock it for a moment
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.lock_file, flags, 0o600)  # no other user may lock it
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(descriptor)
                    raise AlreadyRunningError(f"ldirectord {self.name} runs already") from None
                time.sleep(POLL_INTERVAL)
            else:
                os.ftruncate(descriptor, 0)
                return Lock(descriptor)

    @contextlib.contextmanager
    def pid_written(self, lock: Lock) -> Iterator[None]:
        """Write the pid of this process to both files; remove the pid file at the end, if it still has this pid."""
        lock.write_pid()
        new_file = self.pid_file.with_name(f"{self.pid_file.name}.{os.getpid()}")
        new_file.write_text(f"{os.getpid()}\n")
        new_file.chmod(0o644)  # whatever the umask is
        new_file.replace(self.pid_file)
        try:
            yield
        finally:
            if _read_pid(self.pid_file) == os.getpid():
                self.remove_pid_file()

    def remove_pid_file(self) -> None:
        """Remove the pid file, if there is one."""
        self.pid_file.unlink(missing_ok=True)

    def stop(self, pid: int) -> bool:
        """Stop the daemon, with SIGKILL after TERM_TIMEOUT; return whether it stopped without that."""
        _signal(pid, signal.SIGTERM)
        if self._wait_for_end(pid, TERM_TIMEOUT):
            return True
        _signal(pid, signal.SIGKILL)
        if not self._wait_for_end(pid, KILL_TIMEOUT):
            raise LdirectordError(f"process {pid} does not end, not even when killed; look at it with ps")
        self.remove_pid_file()
        return False

    def signal_reload(self, pid: int) -> None:
        """Signal the daemon to read its configuration again."""
        _signal(pid, signal.SIGHUP)

    def _lock_holder(self) -> int | None:
        deadline = time.monotonic() + PID_TIMEOUT
        while self._is_locked():
            pid = _read_pid(self.lock_file)
            if pid is not None:
                return pid
            if time.monotonic() > deadline:
                raise LdirectordError(f"{self.lock_file} is locked but names no process; try again")
            time.sleep(POLL_INTERVAL)
        return None

    def _wait_for_end(self, pid: int, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._is_locked() and _read_pid(self.lock_file) == pid:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_INTERVAL)
        return True

    def _is_locked(self) -> bool:
        try:
            descriptor = os.open(self.lock_file, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


def instance(name: str) -> Instance:
    """Return the instance called ``name``.

    Its files are in LDIRECTORD_RUNDIR or else in /var/run, its state file in LDIRECTORD_STATEDIR or else in
    /var/lib/ldirectord.
    """
    environment = os.environ
    return Instance(
        name,
        Path(environment.get(RUNDIR_VARIABLE, RUNDIR)),
        Path(environment.get(STATEDIR_VARIABLE, STATEDIR)),
    )


def _read_pid(path: Path) -> int | None:
    try:
        text = path.read_bytes().split(b"\n", 1)[0].strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() and 0 < int(text) < 2**31 else None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
