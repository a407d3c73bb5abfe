"""The process of an instance: its lock, its pid file, and the signals it is sent.

The running daemon holds a lock on ``ldirectord.INSTANCE.lock``, which also names its process; the lock goes with
the process, however it ends. The pid file beside it is for others: one that lies there without the lock is stale.
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
TERM_TIMEOUT = 10.0  # the daemon promises two
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
        """Write this process into the lock file."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock up, as far as this process holds it."""
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class Instance:
    """The files of an instance in ``folder``, and what they say."""

    name: str
    folder: Path

    @property
    def pid_file(self) -> Path:
        """Where others read the daemon's pid."""
        return self.folder / f"ldirectord.{self.name}.pid"

    @property
    def lock_file(self) -> Path:
        """Where the daemon holds its lock; the file stays when it ends."""
        return self.folder / f"ldirectord.{self.name}.lock"

    def running_pid(self) -> int | None:
        """Return the pid of the daemon that runs, None without one; a daemon just starting is waited for."""
        try:
            return self._lock_holder()
        except PermissionError:  # only root may open the lock, but everybody may ask
            pid = _read_pid(self.pid_file)
            return pid if pid is not None and Path(f"/proc/{pid}").exists() else None

    def has_stale_pid_file(self) -> bool:
        """Return whether a daemon left its pid file behind; holds only while none runs."""
        return self.pid_file.exists()

    def lock(self) -> Lock:
        """Return the lock, or raise AlreadyRunningError."""
        deadline = time.monotonic() + LOCK_TIMEOUT  # somebody who only looks holds it for a moment
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.lock_file, flags, 0o600)  # nobody else may hold the lock and keep us out
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
        """Name this process in the lock and in the pid file; remove the latter at the end if still its own."""
        lock.write_pid()
        draft = self.pid_file.with_name(f"{self.pid_file.name}.{os.getpid()}")
        draft.write_text(f"{os.getpid()}\n")
        draft.chmod(0o644)  # whatever the umask of who started it
        draft.replace(self.pid_file)
        try:
            yield
        finally:
            if _read_pid(self.pid_file) == os.getpid():
                self.remove_pid_file()

    def remove_pid_file(self) -> None:
        """Remove the pid file, if there is one."""
        self.pid_file.unlink(missing_ok=True)

    def stop(self, pid: int) -> bool:
        """End the daemon, at first by asking it; return whether it stopped without being killed."""
        _signal(pid, signal.SIGTERM)
        if self._wait_for_end(pid, TERM_TIMEOUT):
            return True
        _signal(pid, signal.SIGKILL)
        if not self._wait_for_end(pid, KILL_TIMEOUT):
            raise LdirectordError(f"process {pid} does not end, not even when killed; look at it with ps")
        self.remove_pid_file()
        return False

    def reload(self, pid: int) -> None:
        """Ask the daemon to read its configuration again."""
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
    """Return the instance called ``name``, its files in LDIRECTORD_RUNDIR or else /var/run."""
    return Instance(name, Path(os.environ.get(RUNDIR_VARIABLE, RUNDIR)))


def _read_pid(path: Path) -> int | None:
    try:
        text = path.read_bytes().split(b"\n", 1)[0].strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() and 0 < int(text) < 2**31 else None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
