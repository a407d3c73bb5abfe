"""Debian's ldirectord as a library: what it makes of a configuration, and of the servers in it.

Its program is loaded and its own functions are called, by perl.pl; nothing of this host is changed.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.comparison.packaged_host import COMMAND

LIBRARY = Path(__file__).with_name("perl.pl")
SECONDS = 60.0

needs_original = pytest.mark.skipif(not Path(COMMAND).exists(), reason="apt-get install ldirectord")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found: ``state`` is up or down; the message goes to the monitorfile, None for `-`."""

    virtual: str  # as in "tcp:192.0.2.1:80"
    real: str  # as in "127.0.0.1:80"
    state: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the original made of a configuration; all values are text, as Perl has no other."""

    error: tuple[int, str] | None  # line and message; it stops there
    warnings: tuple[tuple[int, str], ...]  # line -1: of no line
    died: str | None  # an end that it did not mean, and of which its log knows nothing
    settings: Mapping[str, Any]  # the values of the global directives
    virtuals: tuple[Mapping[str, Any], ...]  # by the names of directives, with ``real``: a list of the same
    execute: tuple[str, ...]
    log: tuple[str, ...]
    commands: tuple[str, ...]  # which a start would run
    verdicts: tuple[Verdict, ...]  # in the order in which the checks gave them


def read(config: str | bytes) -> Answer:
    """Return what the original understands by the configuration, with its defaults applied."""
    return read_all([config])[0]


def read_all(configs: Sequence[str | bytes]) -> list[Answer]:
    """Return what the original understands by each configuration, one after the other."""
    return _ask(configs, "read")


def start(config: str | bytes) -> Answer:
    """Return the same, with the commands, most of them of ipvsadm, of a start over an empty table."""
    return _ask([config], "start")[0]


async def check(config: str | bytes, rounds: int = 1) -> Answer:
    """Return the same, with what the original's checks of all servers found, beside the servers of the test."""
    return (await asyncio.to_thread(_ask, [config], "check", rounds))[0]


def _ask(configs: Sequence[str | bytes], task: str, rounds: int = 1) -> list[Answer]:
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name, f"{number}.cf") for number in range(len(configs))]
        for file, config in zip(files, configs, strict=True):
            file.write_bytes(config.encode() if isinstance(config, str) else config)
        output = _output("perl", str(LIBRARY), COMMAND, task, str(rounds), *map(str, files))
    return [_answer(said) for said in json.loads(output)]


def _output(*argv: str) -> bytes:
    with tempfile.TemporaryFile() as errors:  # no pipe: what a check leaves behind would hold it open
        done = subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, timeout=SECONDS
        )
        errors.seek(0)
        assert done.returncode == 0, errors.read().decode(errors="replace")
    return done.stdout


def _answer(said: Mapping[str, Any]) -> Answer:
    return Answer(
        error=_note(said["error"]) if said["error"] else None,
        warnings=tuple(_note(note) for note in said["warnings"]),
        died=said["died"],
        settings=said["globals"],
        virtuals=tuple(said["virtuals"]),
        execute=tuple(said["execute"]),
        log=tuple(said["log"]),
        commands=tuple(said["commands"]),
        verdicts=tuple(Verdict(*verdict) for verdict in said["verdicts"]),
    )


def _note(note: list[str]) -> tuple[int, str]:
    line, message = note
    return int(line), message.strip()
