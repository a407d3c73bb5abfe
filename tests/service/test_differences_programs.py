"""docs/differences.md, checks by programs, and all kinds: each row is compared with the original itself."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from harness.comparison.checks import both, original, ours, site
from harness.comparison.perl import Answer, check, needs_original, start
from harness.fakes.answers import dns_answer
from harness.fakes.datagrams import answering
from harness.fakes.scripted import answering as page_of
from harness.fakes.scripted import replying, saying, servers
from harness.processes import is_running
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.checktypes import command, ping
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for, kinds
from ldirectord_py.config.load import load
from ldirectord_py.config.model import Config
from ldirectord_py.desired import adopt, real_key, rows
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import Destination
from ldirectord_py.maintenance_names import in_maintenance, index_servers
from ldirectord_py.plan import plan

pytestmark = needs_original

Script = Callable[[str], str]
POP = replying(b"+OK ready\r\n", {"CAPA": b"-ERR what?\r\n"}, b"+OK\r\n")
MAINTENANCE = ("down", "Server in maintenance")


def said(answer: Answer) -> list[tuple[str, str | None]]:
    return [(verdict.state, verdict.message) for verdict in answer.verdicts]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Make an executable script and return its path."""

    def make(text: str) -> str:
        path = tmp_path / "script"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return make


def parsed(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "test.cf"
    path.write_text(text)
    return load(path).config


@pytest.mark.difference("external: a command that cannot be started; one that a signal ended")
async def test_how_a_command_may_end(script: Script) -> None:
    missing = site(9, "checktype=external\ncheckcommand=/no/such/program")
    assert await both(missing) == ("down", "none: cannot run /no/such/program: no such file or directory")
    killed = site(9, f"checktype=external\ncheckcommand={script('kill -9 $$')}")
    assert await both(killed) == ("up", "down: killed by signal 9")


@pytest.mark.difference("external: the environment")
async def test_what_a_command_hears(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/no/such/socket")
    monkeypatch.setenv("MINE", "1")
    text = script('[ "$MINE" = 1 ] || exit 3\n[ -z "$NOTIFY_SOCKET" ] || exit 4\necho fine')
    assert await both(site(9, f"checktype=external\ncheckcommand={text}")) == ("down", "up: fine")


@pytest.mark.difference("external: arguments of the command, and processes that it leaves behind")
async def test_arguments_of_a_command(script: Script) -> None:
    text = script('[ "$*" = "one 192.0.2.1 80 127.0.0.1 9" ]')
    directives = f'checktype=external\ncheckcommand="{text} one"'
    assert await both(site(9, directives)) == ("down", "up: exit status 0")


@pytest.mark.difference("external: arguments of the command, and processes that it leaves behind")
async def test_what_a_command_leaves_behind(script: Script, tmp_path: Path) -> None:
    text = script(f"sleep 60 & echo $! >{tmp_path}/pid\nwait")
    config = site(9, f"checktype=external\ncheckcommand={text}\nchecktimeout=2\nnegotiatetimeout=2")
    assert await original(config) == "down"
    left = int((tmp_path / "pid").read_text())
    assert is_running(left)
    os.kill(left, signal.SIGKILL)
    assert (await ours(config)).startswith("down: no answer within 2 s")
    await command.all_ended()
    assert not is_running(int((tmp_path / "pid").read_text()))


@pytest.mark.difference("external-perl")
async def test_where_a_script_of_perl_runs(script: Script) -> None:
    path = script("exit(defined(&service_set) ? 0 : 1);").replace("#!/bin/sh\n", "")
    assert await both(site(9, f"checktype=external-perl\ncheckcommand={path}")) == ("up", "down: exit status 1")


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_descriptors")
@pytest.mark.difference("A fault of the director's own host (no file descriptor, no memory)")
async def test_a_lack_of_descriptors(script: Script) -> None:
    hoard = script("while (open(my $file, '<', '/dev/null')) { push @main::hoard, $file } exit 0;")
    async with servers() as place:
        healthy = site(await place.start(saying()), "checktype=connect")
        assert await original(healthy) == "up"
        hoarding = site(9, f"checktype=external-perl\ncheckcommand={hoard}").replace("192.0.2.1", "192.0.2.2")
        assert said(await check(hoarding + healthy)) == [("up", None), ("down", None)]
        assert place.connections == 1


@pytest.mark.difference("Equal checks of different virtuals")
async def test_what_makes_checks_equal(tmp_path: Path) -> None:
    async with servers() as place:
        first = site(await place.start(POP), 'service=pop\nlogin="joe"')
        second = first.replace("192.0.2.1", "192.0.2.2")
        other = second.replace("joe", "jane")
        answer = await check(first + other)
    assert [verdict.virtual for verdict in answer.verdicts] == ["tcp:192.0.2.1:80"]
    assert [each.target.login for each in plan(parsed(tmp_path, first + other), kinds())] == ["joe", "jane"]
    assert [each.target.login for each in plan(parsed(tmp_path, first + second), kinds())] == ["joe"]


@pytest.mark.difference("A virtual with `checktype = off`")
def test_who_serves_without_checks(tmp_path: Path) -> None:
    text = site(9, "fallback=127.0.0.1:8 masq\nchecktype=off")
    assert start(text).commands[-1] == "/sbin/ipvsadm -a -t 192.0.2.1:80 -x 0 -y 0 -r 127.0.0.1:8 -m -w 1"
    (virtual,) = parsed(tmp_path, text).virtuals
    table = rows(virtual, adopt(virtual, {}), {}).values()
    assert [(row.key.port, row.weight) for row in table if isinstance(row, Destination)] == [(8, 1)]


@pytest.mark.difference("When")
async def test_who_waits_for_a_silent_server() -> None:
    over: list[bool] = []
    waiting = False

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal waiting
        waiting = True
        await reader.read()
        waiting = False

    async def other(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        over.append(not waiting)

    async with servers() as place:
        text = site(await place.start(silent), "service=nntp\nnegotiatetimeout=1")
        next_one = site(await place.start(other), "checktype=connect").replace("192.0.2.1", "192.0.2.2")
        assert said(await check(text + next_one)) == [("down", None), ("up", None)]
        assert over == [True]


@pytest.mark.difference("checkinterval of a virtual")
def test_whose_interval_holds(tmp_path: Path) -> None:
    """The original reads it, and looks at it nowhere but in the processes of ``fork = yes``."""
    config = parsed(tmp_path, "checkinterval=10\n" + site(9, "checktype=connect\ncheckinterval=3"))
    assert [each.interval for each in plan(config, kinds())] == [3.0]


@pytest.mark.difference("A number as checktype, over UDP")
async def test_what_a_connect_over_udp_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unanswered(_: Target) -> str:
        raise CheckFailed("no echo reply")

    monkeypatch.setattr(ping, "check", unanswered)

    def once(query: bytes) -> list[bytes]:
        asyncio.get_running_loop().call_soon(server.stop)
        return [dns_answer(query, "A 192.0.2.7")]

    words = 'protocol=udp\nchecktype=1\nservice=dns\nrequest="www.example.com"\nreceive="192"'
    async with answering(once) as server:
        assert said(await check(site(server.port, words), rounds=2)) == [("up", "Success"), ("up", None)]
    async with answering(once) as server:
        (each,) = plan(parsed(tmp_path, site(server.port, words)), kinds())
        checker = checker_for(each)
        found = [await probe(checker, each.target) for _ in range(2)]
        assert [result.reason for result in found] == ["192.0.2.7", "no echo reply"]


@pytest.mark.parametrize(
    ("host", "file", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", (True, True)),
        ("127.0.0.1", "127.0.0.1:9", (True, True)),
        ("127.0.0.1", "localhost", (True, True)),
        ("127.0.0.1", "LocalHost:9", (False, True)),
        ("::1", "[::1]", (True, True)),
        ("::1", "::1", (False, True)),
        ("::1", "[0:0::1]:9", (False, True)),
    ],
)
@pytest.mark.difference("`maintenancedir`: names of files")
async def test_which_files_mean_a_server(host: str, file: str, expected: tuple[bool, bool], tmp_path: Path) -> None:
    (tmp_path / file).touch()
    text = f"maintenancedir={tmp_path}\n" + site(9, "checktype=on", host=host)
    original_ = said(await check(text)) == [MAINTENANCE]
    virtual = parsed(tmp_path, text).virtuals[0]
    meant = index_servers([(real_key(virtual, real), real) for real in virtual.reals], {ip_address(host): "localhost"})
    assert expected == (original_, bool(in_maintenance([file], meant)))


@pytest.mark.difference("`maintenancedir`: when a file takes effect")
async def test_a_file_counts_at_the_next_check(script: Script, tmp_path: Path) -> None:
    path = script(f"touch {tmp_path}/127.0.0.1")
    text = f"maintenancedir={tmp_path}\n" + site(9, f"checktype=external\ncheckcommand={path}")
    assert said(await check(text, rounds=2)) == [("up", None), MAINTENANCE]


@pytest.mark.difference("`maintenancedir`: the check of a server in maintenance")
async def test_a_server_in_maintenance_is_not_checked(script: Script, tmp_path: Path) -> None:
    (tmp_path / "127.0.0.1").touch()
    path = script(f"touch {tmp_path}/checked")
    text = f"maintenancedir={tmp_path}\n" + site(9, f"checktype=external\ncheckcommand={path}")
    assert said(await check(text)) == [MAINTENANCE]
    assert not (tmp_path / "checked").exists()


@pytest.mark.difference("`maintenancedir` that is not there, or cannot be listed")
async def test_a_directory_that_is_not_there() -> None:
    answer = await check("maintenancedir=/no/such/folder\n" + site(9, "checktype=on"))
    assert answer.warnings == ((1, "maintenance directory does not exist"),)
    assert said(answer) == [("up", None)]


@pytest.mark.difference("http, https, http_proxy, pop, imap, ping over IPv6")
async def test_ipv6() -> None:
    """Perl has a module for it that Debian's package does not ask for; imap is in test_differences_lines.py."""
    async with servers() as place:
        page = page_of(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        http = site(await place.start(page, "::1"), "service=http", host="::1")
        pop = site(await place.start(POP, "::1"), 'service=pop\nlogin="joe"', host="::1")
        assert "Net/INET6Glue" in await original(http)
        assert await original(pop) == "down"
        assert not (await original(site(9, "checktype=ping\nchecktimeout=1", host="::1"))).startswith("up")
        assert place.connections == 0
        assert (await ours(http), await ours(pop)) == ("up: 200 OK", "up: +OK ready")
