"""Events to a real command: what it reads, and what is said of one that fails."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ldirectord_py.report.event_fields import event_fields
from ldirectord_py.report.notifications import command
from ldirectord_py.report.notifications.command import command_transport

from .conftest import fell


async def send(line: str, *reasons: str) -> str:
    async with command_transport(line) as run:
        return await run([event_fields(fell(reason), 0.0) for reason in reasons])


async def test_each_event_is_a_line_of_its_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "events"
    assert await send(f"/bin/sh -c 'cat > \"$0\"' {file}", "one\ntwo", "zwölf \udce4") == ""
    lines = file.read_text().splitlines()
    assert [json.loads(line)["reason"] for line in lines] == ["one\ntwo", "zwölf \\xe4"]


async def test_its_words_are_split_without_a_shell(tmp_path: Path) -> None:
    script = tmp_path / "notify"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n')
    script.chmod(0o755)
    assert await send(f"{script} 'a b' $HOME ;", "one") == ""
    assert (tmp_path / "arguments").read_text().splitlines() == ["a b", "$HOME", ";"]


async def test_a_command_that_reads_nothing_holds_nothing_up() -> None:
    assert await send("/bin/true", *["x" * 8000] * 100) == ""


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("/bin/false", "exit status 1"),
        ("/nowhere/notify", "no such file or directory"),
        ("/bin/echo 'x", "no closing quotation"),
        ("/bin/sh -c 'kill -9 $$'", "killed by signal 9"),
    ],
)
async def test_how_a_command_failed(line: str, failure: str) -> None:
    assert await send(line, "one") == failure


async def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "COMMAND_TIMEOUT", 0.2)
    began = time.monotonic()
    assert await send("/bin/sleep 3600", "one") == "not done within 0.2 s, ended"
    assert time.monotonic() - began < 10
