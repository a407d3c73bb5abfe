"""What is measured: a daemon with a configuration, running while a block lasts."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.process import cpu_seconds, family, pss_bytes
from harness.host import program_path
from harness.lab.namespace import end, eventually

START_SECONDS = 60.0


class Subject:
    """A daemon in the foreground; its files are below ``folder``, ``text`` is its configuration.

    Without ``ipvs`` the kernel's table is left alone, and something stands in for it. ``enter`` is put before the
    command: how to get to the network namespace that it is to run in.
    """

    name: str
    """Of its files."""

    def __init__(self, folder: Path, text: str, enter: Sequence[str] = (), ipvs: bool = False) -> None:
        self.folder = folder
        self.ipvs = ipvs
        self._text = text
        self._enter = tuple(enter)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.configure(self._text)
        with self.file("out").open("wb") as output:
            self._process = subprocess.Popen(
                [*self._enter, *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={"PATH": program_path(), "LANG": "C.UTF-8", **self.environment()},
            )
        try:
            eventually(self._lives_and_runs, START_SECONDS, self.log)
        except BaseException:
            end(self._process)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._process)

    def command(self) -> Sequence[str]:
        """Return how it is started."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Return what it finds in its environment, besides PATH and LANG."""
        return {}

    def runs(self) -> bool:
        """Return whether it has got as far as to be measured."""
        return True

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Return the CPU time that it and its children have taken so far."""
        return sum(map(cpu_seconds, family(self.pid)))

    def pss_bytes(self) -> int:
        """Return the memory of it and its children."""
        return sum(map(pss_bytes, family(self.pid)))

    def configure(self, text: str) -> None:
        """Write the configuration; the daemon is told by ``reload``."""
        self.file("conf").write_text(text)

    def reload(self) -> None:
        """Send SIGHUP; what comes of it is in the log."""
        self._process.send_signal(signal.SIGHUP)

    def log(self) -> str:
        """Return what it logged and printed so far."""
        paths = (self.file("out"), self.file("log"))
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

    def file(self, suffix: str) -> Path:
        """Return the path of a file of its own."""
        return self.folder / f"{self.name}.{suffix}"

    def _lives_and_runs(self) -> bool:
        assert self._process.poll() is None, f"{self.name} ended:\n{self.log()}"
        return self.runs()
