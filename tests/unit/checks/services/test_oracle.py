"""oracle and the process that it starts; the service tier has the driver in it."""

from __future__ import annotations

import json
import subprocess
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.scripted import Servers, closed_port, hanging
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.protocols import oracle_session
from ldirectord_py.checks.protocols.oracle_session import COMMAND
from ldirectord_py.checks.services.oracle import KIND, check
from ldirectord_py.health import Verdict

TOLD = "login", "request", "database"


async def run(port: int, address: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    given = {"timeout": 20.0, "login": "joe", "passwd": "hunter2", "database": "SHOP", "request": "SELECT 1 FROM dual"}
    result = await probe(check, Target(ip_address(address), port, **{**given, **fields}))
    return result.verdict, result.reason


@pytest.mark.parametrize("field", TOLD)
async def test_login_request_and_database_are_needed(field: str) -> None:
    assert await run(9, **{field: ""}) == (Verdict.DOWN, f"{field} is not set")
    assert field in KIND.needs


CRASHED = "the driver failed over the answer (status -11, connected, no answer to the login)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "seconds", "expected"),
    [
        ("cat >/dev/null; echo logged in; echo up got a row", 20.0, (Verdict.UP, "got a row")),
        ("echo up got a row", 20.0, (Verdict.UP, "got a row")),
        ("echo logged in; echo down the query returns no row", 20.0, (Verdict.DOWN, "the query returns no row")),
        ("echo refused login refused: ORA-01017: no", 20.0, (Verdict.DOWN, "login refused: ORA-01017: no")),
        ("kill -SEGV $$", 20.0, (Verdict.DOWN, CRASHED)),
        ("exec sleep 20", 0.2, (Verdict.DOWN, "no answer within 0.2 s (connected, no answer to the login)")),
        ("exec yes up", 0.2, (Verdict.DOWN, "no answer within 0.2 s (connected, no answer to the login)")),
        (
            "echo logged in; exec sleep 20",
            0.5,
            (Verdict.DOWN, "no answer within 0.5 s (logged in, no answer to the query)"),
        ),
    ],
)
async def test_what_a_process_says_is_the_verdict(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, script: str, seconds: float, expected: tuple[Verdict, str]
) -> None:
    monkeypatch.setattr(oracle_session, "COMMAND", ("/bin/sh", "-c", script))
    assert expected == await run(await servers.start(hanging()), timeout=seconds)


async def test_a_process_that_cannot_be_started_gives_no_verdict(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle_session, "COMMAND", ("/nonexistent",))
    verdict, reason = await run(await servers.start(hanging()))
    assert verdict is Verdict.NONE
    assert reason.startswith("cannot run ")


async def test_a_server_that_is_not_there_costs_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oracle_session, "COMMAND", ("/nonexistent",))
    assert await run(closed_port()) == (Verdict.DOWN, "connect refused")


def test_the_password_is_no_argument() -> None:
    arguments = {"address": "127.0.0.1", "port": closed_port(), "timeout": 1, "login": "joe", "passwd": "hunter2"}
    arguments |= {"database": "SHOP", "request": "SELECT 1 FROM dual"}
    ended = subprocess.run(COMMAND, input=json.dumps(arguments), capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("down ")
    assert "refused" in ended.stdout
    assert "hunter2" not in " ".join(COMMAND)
