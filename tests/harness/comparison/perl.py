"""Debian's ldirectord as a library: reads a configuration and checks its servers.

perl.pl loads the program and calls its functions; nothing on this host is changed.
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
TIMEOUT = 60.0

needs_original = pytest.mark.skipif(not Path(COMMAND).exists(), reason="apt-get install ldirectord")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check: ``state`` is up or down; the message goes to the monitorfile, None for `-`."""

    virtual: str  # as in "tcp:192.0.2.1:80"
    real: str  # as in "127.0.0.1:80"
    state: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """How the original reads a configuration; all values are text."""

    error: tuple[int, str] | None  # line and message; it stops there
    warnings: tuple[tuple[int, str], ...]  # line -1: of no line
    died: str | None  # an unintended end, which is not in its log
    settings: Mapping[str, Any]  # the values of the global directives
    virtuals: tuple[Mapping[str, Any], ...]  # by the names of directives, with ``real``: a list of the same
    execute: tuple[str, ...]
    log: tuple[str, ...]
    commands: tuple[str, ...]  # which a start would run
    verdicts: tuple[Verdict, ...]  # in the order in which the checks gave them


def read(config: str | bytes) -> Answer:
    """Return how the original reads a configuration, with its defaults applied."""
    return read_all([config])[0]


def read_all(configs: Sequence[str | bytes]) -> list[Answer]:
    """Return how the original reads each configuration."""
    return _run_perl(configs, "read")


def start(config: str | bytes) -> Answer:
    """Return the same, with the commands (mostly ipvsadm) of a start with an empty table."""
    return _run_perl([config], "start")[0]


async def check(config: str | bytes, rounds: int = 1) -> Answer:
    """Return the same, with the results of the original's checks of all servers; runs in a thread."""
    return (await asyncio.to_thread(_run_perl, [config], "check", rounds))[0]


def _run_perl(configs: Sequence[str | bytes], task: str, rounds: int = 1) -> list[Answer]:
    with tempfile.TemporaryDirectory() as name:
        files = [Path(name, f"{number}.cf") for number in range(len(configs))]
        for file, config in zip(files, configs, strict=True):
            file.write_bytes(config.encode() if isinstance(config, str) else config)
        output = _output("perl", str(LIBRARY), COMMAND, task, str(rounds), *map(str, files))
    return [_answer(answer) for answer in json.loads(output)]


def _output(*argv: str) -> bytes:
    with tempfile.TemporaryFile() as errors:  # not a pipe, which processes left by a check would keep open
        done = subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, timeout=TIMEOUT
        )
        errors.seek(0)
        assert done.returncode == 0, errors.read().decode(errors="replace")
    return done.stdout


def _answer(answer: Mapping[str, Any]) -> Answer:
    return Answer(
        error=_message(answer["error"]) if answer["error"] else None,
        warnings=tuple(_message(pair) for pair in answer["warnings"]),
        died=answer["died"],
        settings=answer["globals"],
        virtuals=tuple(answer["virtuals"]),
        execute=tuple(answer["execute"]),
        log=tuple(answer["log"]),
        commands=tuple(answer["commands"]),
        verdicts=tuple(Verdict(*verdict) for verdict in answer["verdicts"]),
    )


def _message(pair: list[str]) -> tuple[int, str]:
    line, text = pair
    return int(line), text.strip()
