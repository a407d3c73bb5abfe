from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shlex
import shutil
import signal
import sys
import tracemalloc
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.processes import fail_next_wait, wait_for_end
from ldirectord_py.checks.base import Checker, Target
from ldirectord_py.checks.checktypes import command, external
from ldirectord_py.checks.probe import probe
from ldirectord_py.errors import Inconclusive
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import FirewallMark, Protocol, ServiceKey, VirtualAddress
from ldirectord_py.runtime.environment import PATH
from ldirectord_py.runtime.limiter import Limiter

REAL = ip_address("2001:db8::1")
LIMITER = Limiter(50)
COMMAND = external.CommandCheck(LIMITER)
WEB = VirtualAddress(Protocol.TCP, ip_address("192.0.2.80"), 80)


async def run(
    line: str, seconds: float = 20.0, virtual: ServiceKey = WEB, check: Checker = COMMAND
) -> tuple[Verdict, str]:
    result = await probe(check, Target(REAL, 8080, seconds, command=line, virtual=virtual))
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("virtual", "words"),
    [
        (WEB, "192.0.2.80 80"),
        (VirtualAddress(Protocol.TCP, ip_address("2001:db8::80"), 443), "[2001:db8::80] 443"),
        (FirewallMark(7), "7 0"),
    ],
)
async def test_a_command_gets_virtual_and_real_as_arguments(virtual: ServiceKey, words: str) -> None:
    assert await run("/bin/echo", virtual=virtual) == (Verdict.UP, f"{words} [2001:db8::1] 8080")


async def test_F52_a_command_may_have_arguments_and_no_shell_sees_them() -> None:
    expected = (Verdict.UP, "a b $HOME ; 192.0.2.80 80 [2001:db8::1] 8080")
    assert expected == await run("/bin/echo 'a b' $HOME ';'")


async def test_a_file_with_blanks_in_its_path_is_one_word(tmp_path: Path) -> None:
    script = tmp_path / "it's mine"
    script.write_text("#!/bin/sh\necho $3\n")
    script.chmod(0o755)
    assert await run(str(script)) == (Verdict.UP, "[2001:db8::1]")


@pytest.mark.parametrize(
    ("script", "verdict", "reason"),
    [
        ("exit 0", Verdict.UP, "exit status 0"),
        ("echo fine; exit 0", Verdict.UP, "fine"),
        ("echo one; echo disk full >&2; exit 2", Verdict.DOWN, 'exit status 2: "disk full"'),
        ("printf 'a\\033[1mb\\377'; exit 1", Verdict.DOWN, 'exit status 1: "a\\x1b[1mb\\xff"'),
        ("printf 'last\\r\\n\\n  \\n'; exit 1", Verdict.DOWN, 'exit status 1: "last"'),
        ("echo ouch; kill -9 $$", Verdict.DOWN, 'killed by signal 9: "ouch"'),
        ("kill -TERM 0", Verdict.DOWN, "killed by signal 15"),
        ("head -c 300 /dev/zero | tr '\\0' x", Verdict.UP, "x" * 200 + "..."),
        ("exec <&- >&- 2>&-; exit 0", Verdict.UP, "exit status 0"),
        ("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end", Verdict.UP, "end"),
    ],
)
async def test_the_exit_status_judges(script: str, verdict: Verdict, reason: str) -> None:
    assert await run(f"/bin/sh -c {shlex.quote(script)}") == (verdict, reason)


async def test_F15_a_command_that_cannot_be_run_says_nothing_about_the_server(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    expected = (Verdict.NONE, f"cannot run {missing}: no such file or directory")
    assert expected == await run(str(missing))
    (plain := tmp_path / "plain").write_text("#!/bin/sh\n")
    assert await run(str(plain)) == (Verdict.NONE, f"cannot run {plain}: permission denied")


async def test_a_command_with_an_open_quote_is_down() -> None:
    assert await run("/bin/echo 'x") == (Verdict.DOWN, "checkcommand: no closing quotation")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EAGAIN, "resource temporarily unavailable"),
        (errno.ETXTBSY, "text file busy"),
        (errno.ENOMEM, "cannot allocate memory"),
        (errno.EMFILE, "too many open files"),
    ],
)
async def test_F15_a_fork_that_fails_says_nothing_about_the_server(
    number: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("subprocess.Popen", fails)
    assert await run("/bin/true") == (Verdict.NONE, f"cannot run /bin/true: {reason}")


async def test_F15_a_script_that_is_being_written_says_nothing_about_the_server(tmp_path: Path) -> None:
    script = tmp_path / "script"
    shutil.copy("/bin/true", script)
    with script.open("ab"):
        assert await run(str(script)) == (Verdict.NONE, f"cannot run {script}: text file busy")


async def test_F14_what_a_command_leaves_behind_ends_with_it() -> None:
    verdict, reason = await run("/bin/sh -c 'sleep 60 & echo $!; exit 0'")
    assert verdict is Verdict.UP
    await wait_for_end(int(reason))


async def test_F14_a_daemon_that_holds_the_output_is_not_waited_for() -> None:
    verdict, reason = await run("/bin/sh -c 'setsid sh -c \"echo \\$\\$; exec sleep 60\" & sleep 0.2'")
    assert verdict is Verdict.UP
    os.kill(int(reason), signal.SIGKILL)


@pytest.mark.slow
async def test_F14_a_command_that_hangs_is_ended_with_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TERMINATION_TIMEOUT", 0.2)
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 60 & echo $$ $! >{pids}; echo waiting for the disk; wait; sleep 60"
    expected = (Verdict.DOWN, 'no answer within 0.5 s (the command has not ended: "waiting for the disk")')
    async with LIMITER:
        assert expected == await run(f"/bin/sh -c {shlex.quote(script)}", 0.5)
    assert LIMITER.acquired == 1  # until its processes are gone
    for pid in map(int, pids.read_text().split()):
        await wait_for_end(pid)
    await command.all_ended()
    assert LIMITER.acquired == 0


@pytest.mark.slow
async def test_a_command_may_clean_up_when_its_time_is_over(tmp_path: Path) -> None:
    script = f"trap 'sleep 0.1; echo gone >{tmp_path}/output; exit' TERM; sleep 60 & wait"
    assert (await run(f"/bin/sh -c {shlex.quote(script)}", 0.3))[0] is Verdict.DOWN
    await command.all_ended()
    assert LIMITER.acquired == 0
    assert (tmp_path / "output").read_text() == "gone\n"


async def test_a_kernel_without_process_descriptors_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_: int) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(os, "pidfd_open", refuses)
    assert await run("/bin/sh -c 'sleep 0.1; exit 3'") == (Verdict.DOWN, "exit status 3")


class Crowded:
    """A loop that can watch no more descriptors."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def add_reader(self, *_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def crowd(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Have a module find the loop crowded."""
    loop = Crowded(asyncio.get_running_loop())
    found = SimpleNamespace(get_running_loop=lambda: loop, Event=asyncio.Event, sleep=asyncio.sleep)
    monkeypatch.setattr(f"ldirectord_py.{module}.asyncio", found)


async def test_a_kernel_that_watches_no_more_descriptors_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(monkeypatch, "runtime.child")
    assert await run("/bin/sh -c 'sleep 0.1; echo full; exit 3'") == (Verdict.DOWN, 'exit status 3: "full"')


async def test_a_command_whose_output_cannot_be_watched_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    crowd(monkeypatch, "runtime.output")
    assert (await run("/bin/true"))[0] is Verdict.NONE
    assert len(os.listdir("/proc/self/fd")) == opened  # noqa: PTH208


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, "x"), Inconclusive("x"), SystemExit(1)])
async def test_whatever_ends_a_run_its_command_ends_with_its_group(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TERMINATION_TIMEOUT", 0.2)
    pids = tmp_path / "pids"
    fail_next_wait(monkeypatch, error, pids)
    with pytest.raises(type(error)):
        await command.run(["/bin/sh", "-c", f"sleep 60 & echo $$ $! >{pids}; wait"], LIMITER)
    await command.all_ended()
    for pid in map(int, pids.read_text().split()):
        await wait_for_end(pid)
    assert LIMITER.acquired == 0
    assert list(command.GROUPS) == []


@pytest.mark.slow
async def test_endless_output_ends_at_the_deadline_and_holds_up_nobody() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.005)
            turns += 1

    counting = asyncio.create_task(count())
    verdict, reason = await run("/bin/sh -c 'exec yes disk full'", 0.5)
    counting.cancel()
    assert (verdict, reason) == (
        Verdict.DOWN,
        'no answer within 0.5 s (the command has not ended: "disk full")',
    )
    print(f"the loop turned {turns} times meanwhile")
    assert turns > 5
    await command.all_ended()
    assert LIMITER.acquired == 0


@pytest.mark.slow
async def test_F14_a_gigabyte_of_output_is_judged_by_its_status() -> None:
    tracemalloc.start()
    assert await run("/bin/sh -c 'head -c 1000000000 /dev/zero; echo; echo done'") == (Verdict.UP, "done")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1024 * 1024


async def test_a_command_hears_what_the_daemon_does_but_for_the_words_of_its_manager(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", {"LANG": "C.UTF-8", "MINE": "1", "NOTIFY_SOCKET": "/run/x", "WATCHDOG_PID": "7"})
    verdict, reason = await run("/bin/sh -c 'env | sort | grep -v -e ^PWD -e ^SHLVL -e ^_= | xargs'")
    expected = f"LANG=C.UTF-8 MINE=1 PATH={PATH}"
    assert (verdict, reason) == (Verdict.UP, expected)


async def test_perl_scripts_may_exit_die_and_return(tmp_path: Path) -> None:
    script = tmp_path / "check.pl"

    async def perl(text: str) -> tuple[Verdict, str]:
        script.write_text(text)
        return await run(str(script), check=external.CommandCheck(LIMITER, external.PREFIXES["external-perl"]))

    assert await perl('print "@ARGV\\n"; exit 0;') == (Verdict.UP, "192.0.2.80 80 [2001:db8::1] 8080")
    assert await perl("exit 4;") == (Verdict.DOWN, "exit status 4")
    assert await perl("return 1;") == (Verdict.UP, "exit status 0")
    assert await perl('die "no\\n";') == (Verdict.DOWN, 'exit status 255: "no"')
    assert (await perl("syntax error here("))[0] is Verdict.DOWN
    script.unlink()
    verdict, reason = await run(str(script), check=external.CommandCheck(LIMITER, external.PREFIXES["external-perl"]))
    assert verdict is Verdict.DOWN
    assert reason == f'exit status 2: "cannot read {script}: No such file or directory"'


@pytest.mark.slow
async def test_descriptors_and_children_return_to_the_base_line() -> None:
    await run("/bin/true")
    before = descriptors(), children()
    for _ in range(3):
        await run(f"{sys.executable} -c pass")
        await run("/missing")
        await run("/bin/sh -c 'sleep 60 & exit 0'")
        await run("/bin/sh -c 'exec sleep 60'", 0.01)
    await command.all_ended()
    assert before == (descriptors(), children())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> list[str]:
    """The children of this process, zombies too."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            status = (process / "stat").read_text().rpartition(")")[2].split()
            found += [process.name] if int(status[1]) == os.getpid() else []
    return found
