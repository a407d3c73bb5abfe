from __future__ import annotations

import asyncio
import os
import shlex
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from ldirectord_py.checks import external
from ldirectord_py.checks.base import Checker, Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import FirewallMark, Protocol, ServiceKey, VirtualAddress

REAL = ip_address("2001:db8::1")
WEB = VirtualAddress(Protocol.TCP, ip_address("192.0.2.80"), 80)


async def run(
    command: str, seconds: float = 20.0, virtual: ServiceKey = WEB, check: Checker = external.check
) -> tuple[Verdict, str]:
    result = await probe(check, Target(REAL, 8080, seconds, command=command, virtual=virtual))
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("virtual", "told"),
    [
        (WEB, "192.0.2.80 80"),
        (VirtualAddress(Protocol.TCP, ip_address("2001:db8::80"), 443), "[2001:db8::80] 443"),
        (FirewallMark(7), "7 0"),
    ],
)
async def test_a_command_is_told_virtual_and_real(virtual: ServiceKey, told: str) -> None:
    assert await run("/bin/echo", virtual=virtual) == (Verdict.UP, f"{told} [2001:db8::1] 8080")


async def test_a_command_may_have_arguments_and_no_shell_sees_them() -> None:
    expected = (Verdict.UP, "a b $HOME ; 192.0.2.80 80 [2001:db8::1] 8080")
    assert expected == await run("/bin/echo 'a b' $HOME ';'")


@pytest.mark.parametrize(
    ("script", "verdict", "reason"),
    [
        ("exit 0", Verdict.UP, "exit status 0"),
        ("echo fine; exit 0", Verdict.UP, "fine"),
        ("echo one; echo two >&2; exit 3", Verdict.DOWN, "exit status 3: two"),
        ("printf 'a\\033[1mb\\377'; exit 1", Verdict.DOWN, "exit status 1: a[1mb\\xff"),
        ("kill -9 $$", Verdict.DOWN, "killed by signal 9"),
        ("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end", Verdict.UP, "end"),
    ],
)
async def test_the_exit_status_judges(script: str, verdict: Verdict, reason: str) -> None:
    assert await run(f"/bin/sh -c {shlex.quote(script)}") == (verdict, reason)


async def test_a_command_that_cannot_be_run_says_nothing_about_the_server(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    expected = (Verdict.NONE, f"cannot run {missing}: no such file or directory")
    assert expected == await run(str(missing))
    (plain := tmp_path / "plain").write_text("#!/bin/sh\n")
    assert (await run(str(plain)))[0] is Verdict.NONE


async def test_a_command_with_an_open_quote_is_down() -> None:
    assert await run("/bin/echo 'x") == (Verdict.DOWN, "checkcommand: no closing quotation")


async def test_a_grandchild_that_keeps_the_output_open_is_not_waited_for() -> None:
    verdict, reason = await run("/bin/sh -c 'sleep 5 & echo $!; exit 0'", 4.0)
    assert verdict is Verdict.UP
    os.kill(int(reason), 9)


async def test_a_command_that_hangs_is_ended_with_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ldirectord_py.checks.command.GRACE", 0.2)
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 60 & echo $$ $! >{pids}; wait; sleep 60"
    expected = (Verdict.DOWN, "no answer within 0.5 s (the command has not ended)")
    assert expected == await run(f"/bin/sh -c {shlex.quote(script)}", 0.5)
    for pid in map(int, pids.read_text().split()):
        await gone(pid)


async def gone(pid: int) -> None:
    """Return once the process is there no more, or is a zombie that only its new parent can reap."""
    async with asyncio.timeout(20):
        while _alive(pid):
            await asyncio.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_perl_scripts_may_exit_die_and_return(tmp_path: Path) -> None:
    script = tmp_path / "check.pl"

    async def perl(text: str) -> tuple[Verdict, str]:
        script.write_text(text)
        return await run(str(script), check=external.check_perl)

    assert await perl('print "@ARGV\\n"; exit 0;') == (Verdict.UP, "192.0.2.80 80 [2001:db8::1] 8080")
    assert await perl("exit 4;") == (Verdict.DOWN, "exit status 4")
    assert await perl("return 1;") == (Verdict.UP, "exit status 0")
    assert await perl('die "no\\n";') == (Verdict.DOWN, "exit status 255: no")
    assert (await perl("syntax error here("))[0] is Verdict.DOWN
    script.unlink()
    verdict, reason = await run(str(script), check=external.check_perl)
    assert verdict is Verdict.DOWN
    assert reason.endswith(f"cannot read {script}: No such file or directory")


async def test_descriptors_and_children_return_to_the_base_line() -> None:
    await run("/bin/true")
    before = descriptors()
    for _ in range(5):
        await run(f"{sys.executable} -c pass")
        await run("/missing")
    assert before == descriptors()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
