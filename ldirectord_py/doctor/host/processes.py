"""Other directors among the processes of this host."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ldirectord_py.config.load import load
from ldirectord_py.doctor.directors import keepalived_services
from ldirectord_py.doctor.facts import OtherDirector
from ldirectord_py.errors import ConfigError
from ldirectord_py.instance.command_line import CONFIG_FOLDERS, DAEMON_COMMANDS, DEFAULT_CONFIG, MEMORY_KERNEL
from ldirectord_py.ipvs.table import ServiceKey

KEEPALIVED_CONF: Final = "/etc/keepalived/keepalived.conf"
FIRST_PROCESS: Final = Path("/proc/1")
MAX_FILE_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Running:
    """A process that directs: its parent, its program, and the arguments after it."""

    pid: int
    parent: int
    program: str
    arguments: tuple[str, ...]


def other_directors(file: Path, own: int | None) -> tuple[OtherDirector, ...]:
    """Return the directors in this network namespace but ``own`` and its children; ``file`` is ours; raises OSError."""
    if not FIRST_PROCESS.exists():  # the option hidepid of /proc
        raise PermissionError("those of other users are hidden")
    namespace = _namespace("self")
    running = {found.pid: found for pid in _pids() for found in _running(pid)}
    ignored = {os.getpid(), os.getppid(), own}
    first = (found for found in running.values() if found.parent not in running and found.pid not in ignored)
    return tuple(_director(found, file) for found in first if _namespace(str(found.pid)) in {namespace, ""})


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _running(pid: int) -> Iterator[Running]:
    """Yield the process if it directs; one that has ended or is hidden does not."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return
    parent = int(status.rpartition(")")[2].split()[1])
    found = director_of(words)
    if found is not None:
        yield Running(pid, parent, *found)


def director_of(words: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return program and arguments of a command line that runs a director, else None."""
    for at, word in enumerate(words[:4]):
        name = word.rpartition("/")[2].split(" ", 1)[0].rstrip(":")
        if name in {"ldirectord", "ldirectord-py", "ldirectord_py"}:
            arguments = tuple(words[at + 1 :])
            directs = DAEMON_COMMANDS.intersection(arguments) and MEMORY_KERNEL not in arguments
            return ("ldirectord", arguments) if directs else None
        if name == "keepalived" and at == 0:
            return "keepalived", tuple(words[1:])
    return None


def _director(found: Running, ours: Path) -> OtherDirector:
    root = Path(f"/proc/{found.pid}/root")
    if found.program == "keepalived":
        file = _keepalived_file(found.arguments)
        return OtherDirector(found.pid, found.program, file, _of_keepalived(root / file.lstrip("/")))
    path = _config_file(found)
    same = path.exists() and ours.exists() and path.samefile(ours)
    return OtherDirector(found.pid, found.program, str(path), None if same else _of_ldirectord(path), same)


def _keepalived_file(arguments: Sequence[str]) -> str:
    for word, following in zip(arguments, (*arguments[1:], ""), strict=True):
        if word in {"-f", "--use-file"}:
            return following
        if word.startswith("--use-file="):
            return word.partition("=")[2]
        if word.startswith("-f") and len(word) > 2:
            return word[2:]
    return KEEPALIVED_CONF


def _of_keepalived(path: Path) -> frozenset[ServiceKey] | None:
    try:
        with path.open(errors="replace") as file:
            return keepalived_services(file.read(MAX_FILE_BYTES))
    except OSError:
        return None


def _config_file(found: Running) -> Path:
    """Return the configuration of an ldirectord; a relative path is looked for where it was probably started."""
    words = [word for word in found.arguments if not word.startswith("-")]
    name = words[0] if words and words[0] not in DAEMON_COMMANDS else DEFAULT_CONFIG
    places = [*(Path(folder) / name for folder in CONFIG_FOLDERS), Path(f"/proc/{found.pid}/cwd") / name, Path(name)]
    return next((place for place in places if _is_file(place)), Path(name))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _of_ldirectord(path: Path) -> frozenset[ServiceKey] | None:
    try:
        return frozenset(virtual.key for virtual in load(path).config.virtuals)
    except (ConfigError, OSError):
        return None


def _namespace(pid: str) -> str:
    """Return the network namespace of a process, "" if it may not be read."""
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""
