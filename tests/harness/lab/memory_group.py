"""A control group (version 2) whose processes share a limited amount of memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.lab.namespace import command, eventually

END_SECONDS = 30.0


class MemoryGroup:
    """The group in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def entering(self) -> Sequence[str]:
        """The beginning of a command whose process is in the group, with all memory that it ever takes."""
        return ("sh", "-c", f'echo $$ >{self._folder}/cgroup.procs && exec "$@"', "sh")

    def limit(self, size: int | None) -> None:
        """Limit the bytes; what is above is reclaimed, or the kernel kills. None: no limit."""
        (self._folder / "memory.max").write_text("max" if size is None else str(size))

    def used(self, name: str) -> int:
        """Return so many bytes of memory.stat: ``anon``, ``file``, ``slab`` and others."""
        return _figures(self._folder / "memory.stat")[name]

    def events(self, name: str) -> int:
        """Return how often something of memory.events occurred: ``max`` (the limit was reached), ``oom_kill``."""
        return _figures(self._folder / "memory.events")[name]

    def remove(self) -> None:
        """End its processes, and remove it."""
        (self._folder / "cgroup.kill").write_text("1")
        eventually(lambda: not (self._folder / "cgroup.procs").read_text(), END_SECONDS, lambda: "processes are left")
        self._folder.rmdir()


def _figures(file: Path) -> dict[str, int]:
    return {name: int(figure) for name, figure in map(str.split, file.read_text().splitlines())}


@contextmanager
def memory_group() -> Iterator[MemoryGroup]:
    """Yield a new group of this machine, which needs the control of memory in version 2."""
    with tempfile.TemporaryDirectory(prefix="cgroup-") as name:
        command("mount", "-t", "cgroup2", "none", name)
        try:
            (Path(name) / "cgroup.subtree_control").write_text("+memory")
            folder = Path(name) / f"lab{os.getpid()}"
            folder.mkdir()
            group = MemoryGroup(folder)
            try:
                yield group
            finally:
                group.remove()
        finally:
            command("umount", name)
