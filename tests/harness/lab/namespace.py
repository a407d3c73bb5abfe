"""Network namespaces, and the programs that run in them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from harness.host import program_path
from harness.lab.fresh_namespace import inside, name_namespace, remove_name
from harness.waiting import Patience

POLL_SECONDS = 0.05
END_SECONDS = 10.0


class Namespace:
    """A network namespace with ``lo`` up; it and all processes started in it end with the block.

    Its name contains the pid of this process, so that several runs do not interfere.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.netns = f"lab{os.getpid()}-{name}"
        self._path = Path("/run/netns") / self.netns
        self.folder = folder / name
        self._spawned: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        name_namespace(self._path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._spawned):
            end(process)
        remove_name(self._path)

    @cached_property
    def anchor(self) -> int:
        """The pid of a process that stays here: ``/proc/ANCHOR/net`` belongs to the namespace."""
        return self.spawn("sleep", "infinity").pid

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Move this thread here during the block."""
        with inside(self._path):
            yield

    def run(self, *argv: str, given: str = "") -> str:
        """Run a program here with the input ``given``, and return its output; CommandError if it fails."""
        with self.entered():
            return command(*argv, given=given)

    def ip(self, *lines: str) -> None:
        """Run commands of ip(8) in one batch."""
        command("ip", "-netns", self.netns, "-batch", "-", given="\n".join(lines) + "\n")

    def sysctl(self, **values: int) -> None:
        """Set kernel parameters of the namespace, with ``__`` for dots: ``net__ipv4__ip_forward=1``."""
        with self.entered():
            for name, value in values.items():
                Path("/proc/sys", *name.split("__")).write_text(str(value))

    def spawn(
        self, *argv: str, output: IO[bytes] | None = None, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program here; it ends with the namespace at the latest."""
        with self.entered():
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={"PATH": program_path(), "LANG": "C.UTF-8", **(environment or {})},
            )
        self._spawned.append(process)
        return process


class CommandError(Exception):
    """A program of the lab failed; the text is its command line and what it printed."""


def command(*argv: str, given: str = "") -> str:
    """Run a program for at most 60 s, and return its output; CommandError if it fails."""
    environment = {"PATH": program_path(), "LANG": "C.UTF-8"}
    done = subprocess.run(argv, check=False, input=given, text=True, capture_output=True, env=environment, timeout=60)
    if done.returncode != 0:
        raise CommandError(f"{' '.join(argv)}: exit status {done.returncode}\n{given}{done.stdout}{done.stderr}")
    return done.stdout


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> float:
    """End a process of the lab, with SIGKILL if necessary; return the seconds that this took."""
    began = time.monotonic()
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_SECONDS)
    return time.monotonic() - began


def eventually(holds: Callable[[], bool], within: float, otherwise: Callable[[], str]) -> float:
    """Wait until ``holds()``; return the seconds that this took. Raises AssertionError, ``otherwise()``.

    Pauses of this host do not count as a wait.
    """
    began, patience = time.monotonic(), Patience(within)
    while not holds():
        if patience.is_over:
            raise AssertionError(f"not within {within:g} s: {otherwise()}")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def python(script: Path, *arguments: str) -> Sequence[str]:
    """Return the command for a script that needs only the standard library, which starts faster."""
    return ("python3", "-I", "-S", str(script), *arguments)
