"""The daemon as a whole on a kernel in memory: its signals, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import uvloop

from harness.processes import is_running
from harness.waiting import until
from ldirectord_py.config.load import load
from ldirectord_py.config.model import Globals
from ldirectord_py.daemon import run
from ldirectord_py.daemon.commands import execute
from ldirectord_py.daemon.reports import Reports
from ldirectord_py.instance.identity import Identity
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows, Table
from ldirectord_py.report.log import logfile
from ldirectord_py.report.mail import dispatcher
from ldirectord_py.report.mail.sendmail import sendmail_transport
from ldirectord_py.report.monitorfile import FLUSH_TIMEOUT
from ldirectord_py.runtime import signals

HEAD = "checkinterval = 1\nchecktimeout = 1\n"
WEB = f"{HEAD}virtual = 192.0.2.1:80\n    real = 127.0.0.1:9 masq\n    checktype = on\n"
SHOP = f"{HEAD}virtual = 192.0.2.2:80\n    real = 127.0.0.1:9 masq\n    checktype = on\n"


class Gate(MemoryKernel):
    """A kernel that answers while its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()
        self.called = asyncio.Event()

    async def read(self) -> Table:
        self.called.set()
        await self.open.wait()
        return await super().read()

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        await self.open.wait()
        return await super().apply(ops, encoded)


class Daemon:
    """A configuration, the daemon that runs with it, and what it sends to its service manager."""

    def __init__(self, path: Path, kernel: Gate, manager: socket.socket, watchdog: float | None) -> None:
        self.path = path
        self.kernel = kernel
        self.ready = asyncio.Event()
        self._manager = manager
        notify = SdNotify(manager.getsockname(), watchdog)
        identity = Identity(path, Instance("web.cf", path.parent), "1.0")
        self.task = asyncio.create_task(run.serve(identity, load(path), notify, self.ready.set, kernel))

    def messages(self) -> list[str]:
        """Return the first line of each message to the manager."""
        lines = []
        while True:
            try:
                lines.append(self._manager.recv(4096).decode().splitlines()[0])
            except BlockingIOError:
                return lines

    async def stop(self) -> float:
        """Send SIGTERM and return how many seconds the daemon takes to end."""
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(self.task, 20)
        return time.monotonic() - began


@asynccontextmanager
async def daemon(folder: Path, text: str = WEB, watchdog: float | None = None) -> AsyncIterator[Daemon]:
    kernel = Gate()
    path = folder / "web.cf"
    path.write_text(text)
    former_handlers = {number: signal.getsignal(number) for number in signals.HANDLED}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setblocking(False)
        manager.bind(str(folder / "notify"))
        started = Daemon(path, kernel, manager, watchdog)
        try:
            yield started
        finally:
            started.task.cancel()
            await asyncio.gather(started.task, return_exceptions=True)
            for number, handler in former_handlers.items():
                asyncio.get_running_loop().remove_signal_handler(number)
                signal.signal(number, handler)


async def test_it_reports_its_states_and_leaves_nothing(tmp_path: Path) -> None:
    async with daemon(tmp_path) as web:
        await asyncio.wait_for(web.ready.wait(), 10)
        assert len(web.kernel.table) == 2
        web.path.write_text(SHOP)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "192.0.2.2" in str(web.kernel.table))
        lines: list[str] = []
        while lines.count("READY=1") < 2:
            lines += web.messages()
            await asyncio.sleep(0.01)
        await web.stop()
        states = [line for line in (*lines, *web.messages()) if not line.startswith("STATUS=")]
        assert states == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
        assert dict(web.kernel.table) == {}


async def test_the_watchdog_is_reset_while_it_runs(tmp_path: Path) -> None:
    async with daemon(tmp_path, watchdog=0.2) as web:
        await asyncio.wait_for(web.ready.wait(), 10)
        web.messages()
        await until(lambda: "WATCHDOG=1" in web.messages())
        await web.stop()


async def test_expire_sets_the_kernel_at_the_start_and_with_a_reload(tmp_path: Path) -> None:
    async with daemon(tmp_path, f"expire = yes\n{WEB}") as web:
        await until(lambda: web.kernel.expiry is True)
        web.path.write_text(f"expire = no\n{WEB}")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: web.kernel.expiry is False)
        await web.stop()


async def test_each_check_is_a_line_of_the_monitorfile(tmp_path: Path) -> None:
    checks = tmp_path / "checks"
    text = WEB.replace("checktype = on", f"checktype = connect\n    monitorfile = {checks}")
    async with daemon(tmp_path, text) as web:
        await until(lambda: checks.exists() and "connect tcp 127.0.0.1 9 1 masq /  [down]" in checks.read_text())
        await web.stop()


async def test_changes_are_mailed_up_to_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mails = tmp_path / "mails"
    script = tmp_path / "sendmail"
    script.write_text(f"#!/bin/sh\ncat >> {mails}\n")
    script.chmod(0o755)
    monkeypatch.setattr(dispatcher, "sendmail_transport", partial(sendmail_transport, str(script)))
    async with daemon(tmp_path, f"emailalert = ops@example.net\n{WEB}") as web:
        await asyncio.wait_for(web.ready.wait(), 10)
        web.path.write_text(f"emailalert = ops@example.net\n{SHOP}")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "192.0.2.2" in str(web.kernel.table))
        await web.stop()
    assert [line for line in mails.read_text().splitlines() if line.startswith(("Log-Message", "Daemon"))] == [
        "Log-Message: Added real server: 127.0.0.1:9 (192.0.2.1:80) (Weight set to 1)",
        "Daemon-Status: starting",
        "Log-Message: Added real server: 127.0.0.1:9 (192.0.2.2:80) (Weight set to 1)",
        "Daemon-Status: reloading",
        "Log-Message: Purged real server (reload): 127.0.0.1:9 (192.0.2.1:80)",
        "Daemon-Status: reloading",
        "Log-Message: Purged real server (stop): 127.0.0.1:9 (192.0.2.2:80)",
        "Daemon-Status: stopping",
    ]


async def test_a_command_is_told_of_reloads_and_servers(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = tmp_path / "teller"
    script.write_text(f"#!/bin/sh\ncat >> {told}\n")
    script.chmod(0o755)
    text = f"notify = {script}\n{WEB.replace('checktype = on', 'checktype = connect')}"
    async with daemon(tmp_path, text) as web:
        await until(lambda: told.exists() and "server-down" in told.read_text())
        web.path.write_text("broken\n")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "configuration-refused" in told.read_text())
        await web.stop()
    found = [json.loads(line) for line in told.read_text().splitlines()]
    down = next(each for each in found if each["event"] == "server-down")
    assert (down["virtual"], down["real"], down["code"]) == ("tcp:192.0.2.1:80", "127.0.0.1:9", "L4CON")
    expected = {"configuration-in-force", "configuration-refused", "outage-began", "server-down"}
    assert expected == {each["event"] for each in found}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the command goes on
async def test_F45_recipients_that_hang_keep_nobody_from_stopping(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        async with daemon(tmp_path, f"notify = /bin/sleep 5\nnotifyurl = {url}\n{WEB}") as web:
            await asyncio.wait_for(web.ready.wait(), 10)
            await asyncio.sleep(0.5)
            assert await web.stop() < run.STOP_TIMEOUT + 1


async def test_F36_a_stop_during_the_start_is_not_followed_by_ready(tmp_path: Path) -> None:
    async with daemon(tmp_path) as web:
        web.kernel.open.clear()
        await web.kernel.called.wait()
        stopping = asyncio.create_task(web.stop())
        await asyncio.sleep(0.05)
        web.kernel.open.set()
        await stopping
        assert web.messages() == ["STOPPING=1"]
        assert (web.ready.is_set(), dict(web.kernel.table)) == (False, {})


async def test_a_stop_during_a_reload_begins_nothing_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reconfigured: list[Globals] = []
    monkeypatch.setattr(logfile, "reconfigure", reconfigured.append)
    async with daemon(tmp_path) as web:
        await asyncio.wait_for(web.ready.wait(), 10)
        web.kernel.open.clear()
        web.kernel.called.clear()
        web.path.write_text(SHOP)
        os.kill(os.getpid(), signal.SIGHUP)
        await web.kernel.called.wait()
        stopping = asyncio.create_task(web.stop())
        await asyncio.sleep(0.05)
        web.kernel.open.set()
        await stopping
        assert [line for line in web.messages() if not line.startswith("STATUS=")] == [
            "READY=1",
            "RELOADING=1",
            "STOPPING=1",
        ]
        assert (reconfigured, dict(web.kernel.table)) == ([], {})


@pytest.mark.slow
async def test_a_kernel_that_does_not_answer_keeps_nobody_from_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with daemon(tmp_path) as web:
        await asyncio.wait_for(web.ready.wait(), 10)
        web.kernel.open.clear()
        assert await web.stop() < run.STOP_TIMEOUT + 1


class Hung:
    """A mail transport that never sends, and the timeouts of each close of the reports."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.timeouts: list[float] = []
        self.called = asyncio.Event()
        monkeypatch.setattr(dispatcher, "sendmail_transport", self.transport)
        close_reports = Reports.close

        async def close(reports: Reports, seconds: float) -> None:
            self.timeouts.append(seconds)
            await close_reports(reports, seconds)

        monkeypatch.setattr(Reports, "close", close)

    @asynccontextmanager
    async def transport(self) -> AsyncIterator[None]:
        self.called.set()
        await asyncio.Event().wait()
        yield


MAILED = f"emailalert = ops@example.net\n{WEB}"


@pytest.mark.slow
async def test_a_kernel_and_a_mail_server_that_both_hang_share_one_time_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hung = Hung(monkeypatch)
    async with daemon(tmp_path, MAILED) as web:
        await asyncio.wait_for(hung.called.wait(), 10)
        web.kernel.open.clear()
        assert await web.stop() < 10
    kernel = run.STOP_TIMEOUT - run.MIN_REPORT_TIMEOUT
    assert f"Our services may stay in the kernel: it did not answer within {kernel:g} s" in caplog.messages
    assert "1 mails were not sent over sendmail" in caplog.messages
    assert hung.timeouts == [pytest.approx(run.MIN_REPORT_TIMEOUT, abs=0.01)]  # the loop may wake a little early
    assert kernel + run.MIN_REPORT_TIMEOUT < 2


@pytest.mark.slow
async def test_a_mail_server_that_hangs_has_the_time_that_the_kernel_did_not_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung = Hung(monkeypatch)
    async with daemon(tmp_path, MAILED) as web:
        await asyncio.wait_for(hung.called.wait(), 10)
        await web.stop()
    (timeout,) = hung.timeouts
    assert run.MIN_REPORT_TIMEOUT < timeout <= FLUSH_TIMEOUT


def test_F36_commands_that_ignore_a_stop_are_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = tmp_path / "stubborn"
    script.write_text(f"#!/bin/sh\ntrap '' TERM\necho $$ >> {pids}\nwhile :; do sleep 0.1; done\n")
    script.chmod(0o755)
    text = f"""{HEAD}checktimeout = 60
virtual = 192.0.2.1:80
    real = 127.0.0.1->127.0.0.4:9 masq
    checktype = external
    checkcommand = {script}
"""

    async def story() -> float:
        async with daemon(tmp_path, text) as web:
            await until(lambda: pids.exists() and len(pids.read_text().splitlines()) == 4)
            return await web.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(story()) < 2
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert [pid for pid in pids.read_text().split() if is_running(pid)] == []


@pytest.mark.slow
async def test_it_runs_the_commands_of_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    script = tmp_path / "record"
    script.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    script.chmod(0o755)
    monkeypatch.setattr(execute, "PROGRAM", (str(script),))

    def lines() -> list[str]:
        return calls.read_text().splitlines() if calls.exists() else []

    head = f'callback = "{script} callback"\nfallbackcommand = {script} sorry\n'
    out = f"{HEAD}virtual = 192.0.2.3:80\n    real = 127.0.0.1:9 masq\n    checktype = off\n"
    async with daemon(tmp_path, head + out) as web:
        await until(lambda: lines() == ["sorry start 192.0.2.3:80 tcp"])
        web.path.write_text(head + "execute = mail.cf\n" + out.replace("= off", "= on"))
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: len(lines()) == 4)
        assert sorted(lines()[1:]) == [f"callback {web.path}", "mail.cf start", "sorry stop 192.0.2.3:80 tcp"]
        web.path.write_text(head + 'execute = "mail.cf"\nexecute = mail.cf\n' + out)
        await until(lambda: len(lines()) == 5)
        assert lines()[4] == f"callback {web.path}"
        await web.stop()
        assert lines()[5:] == ["mail.cf stop"]
