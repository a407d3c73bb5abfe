"""Sending mails with a fake of sendmail."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from harness.processes import is_running
from ldirectord_py.config.model import AlertStatus
from ldirectord_py.report.mail import sendmail
from ldirectord_py.report.mail.message import Alert, Host, MailMessage, Route, compose
from ldirectord_py.report.mail.sendmail import sendmail_transport
from ldirectord_py.report.mail.transport import MailNotSentError


def mail() -> MailMessage:
    alert = Alert("Deleted real server: 10.1.0.1:80 (10.0.0.1:80)", AlertStatus.RUNNING)
    return compose([alert], Route(None, None, "ops@example.net; $(id)"), Host("director", "root"), date=0, queued_at=0)


def program(folder: Path, script: str) -> str:
    path = folder / "sendmail"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.difference("Without `smtp`")
async def test_sendmail_gets_the_mail_and_no_address_as_argument(tmp_path: Path) -> None:
    received = tmp_path / "received"
    async with sendmail_transport(program(tmp_path, f'echo "$@" > {received}; cat >> {received}')) as send:
        assert await send(mail()) == {}
    arguments, *lines = received.read_text().split("\n")
    assert arguments == "-t -i"
    assert "Subject: Deleted real server: 10.1.0.1:80 (10.0.0.1:80)" in lines
    assert lines[-3:] == ["Log-Message: Deleted real server: 10.1.0.1:80 (10.0.0.1:80)", "Daemon-Status: running", ""]


@pytest.mark.parametrize(
    ("script", "reason"), [("exit 75", "ended with status 75"), ("exec 0<&-; exit 1", "ended with status 1")]
)
async def test_an_exit_status_other_than_0_is_a_failure(tmp_path: Path, script: str, reason: str) -> None:
    async with sendmail_transport(program(tmp_path, script)) as send:
        with pytest.raises(MailNotSentError, match=reason):
            await send(mail())


async def test_a_missing_sendmail_is_reported(tmp_path: Path) -> None:
    async with sendmail_transport(str(tmp_path / "none")) as send:
        with pytest.raises(MailNotSentError, match=r"cannot run .*none: No such file or directory"):
            await send(mail())


async def test_a_sendmail_that_is_no_program_reaches_no_shell(tmp_path: Path) -> None:
    path = Path(program(tmp_path, ""))
    path.write_text(f"touch {tmp_path}/reached")  # noqa: ASYNC240  a test may wait for a disk
    async with sendmail_transport(str(path)) as send:
        with pytest.raises(MailNotSentError, match=r"cannot run .*sendmail: Exec format error"):
            await send(mail())
    assert not (tmp_path / "reached").exists()


@pytest.mark.slow
async def test_a_sendmail_that_hangs_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sendmail, "MAIL_TIMEOUT", 1.5)
    pids = tmp_path / "pids"
    began = time.monotonic()
    async with sendmail_transport(program(tmp_path, f"sleep 60 & echo $! > {pids}; wait")) as send:
        with pytest.raises(MailNotSentError, match=r"did not end within 1\.5 s"):
            await send(mail())
    assert time.monotonic() - began < 20
    async with asyncio.timeout(10):
        while is_running(pids.read_text().strip()):
            await asyncio.sleep(0.01)
