"""The section "Configuration" of docs/differences.md: the effect of directives in the original and in ours."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from harness.comparison import perl
from harness.fakes.scripted import answering, servers
from harness.host import ROOT
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for, kinds
from ldirectord_py.config.addresses import HostName
from ldirectord_py.config.load import load, reparse
from ldirectord_py.config.names import look_up
from ldirectord_py.config.parse import Parsed
from ldirectord_py.errors import ConfigError
from ldirectord_py.health import Verdict
from ldirectord_py.plan import plan

pytestmark = perl.needs_original

VIRTUAL = "virtual = 192.0.2.1:80\n"
GOOD = f"{VIRTUAL}    real = 127.0.0.1:80 gate\n"
NAMED = f"{VIRTUAL}    real = web1:80 gate\n"
WEB1 = HostName("web1", ipv6=False)

Load = Callable[[str | bytes], Parsed]


@pytest.fixture
def ours(tmp_path: Path) -> Load:
    def ours(config: str | bytes) -> Parsed:
        file = tmp_path / "test.cf"
        file.write_bytes(config.encode() if isinstance(config, str) else config)
        return load(file)

    return ours


def refusal(ours: Load, config: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as caught:
        ours(config)
    return [(problem.line, problem.what) for problem in caught.value.problems]


def resolving(monkeypatch: pytest.MonkeyPatch, addresses: dict[str, str], seconds: float = 0) -> None:
    """Let these names resolve, in so much time, and no others."""

    def answer(host: str, *_: Any) -> list[tuple[Any, ...]]:
        time.sleep(seconds)
        if host not in addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (addresses[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def addresses(parsed: Parsed) -> list[str]:
    return [str(real.server) for real in parsed.config.virtuals[0].reals]


@pytest.mark.difference("`fallback` for the whole daemon, on a firewall mark")
@pytest.mark.parametrize(("fallback", "port"), [("127.0.0.9", 0), ("127.0.0.9:81", 81)])
def test_a_fallback_of_all_on_a_mark(ours: Load, fallback: str, port: int) -> None:
    config = f"fallback = {fallback}\nvirtual = 7\n    real = 127.0.0.1:80 gate\n"
    assert perl.start(config).commands[:2] == (
        "/sbin/ipvsadm -A -f 7 -s wrr ",
        "/sbin/ipvsadm -a -f 7 -x 0 -y 0 -r :0   -w 1",
    )
    held = ours(config).config.virtuals[0].fallback
    assert held is not None
    assert (str(held.server), held.port) == ("127.0.0.9", port)


@pytest.mark.difference("`checkinterval` inside a virtual")
def test_an_interval_of_its_own(ours: Load) -> None:
    config = f"{GOOD}    checkinterval = 3\n"
    assert [line for line, _ in perl.read(config).warnings] == [-1]
    assert perl.read(f"fork = yes\n{config}").warnings == ()
    for text in (config, f"fork = yes\n{config}"):
        parsed = ours(text)
        assert [check.interval for check in plan(parsed.config, kinds())] == [3]
        assert parsed.warnings == ()


@pytest.mark.difference("`persistent=0`")
def test_a_persistence_of_nothing(ours: Load) -> None:
    config = f"{GOOD}    persistent = 0\n"
    assert perl.start(config).commands[0] == "/sbin/ipvsadm -A -t 192.0.2.1:80 -s wrr -p 0 "
    parsed = ours(config)
    assert parsed.config.virtuals[0].persistent is None
    assert [warning.what for warning in parsed.warnings] == ["persistent=0 makes nothing persistent"]


@pytest.mark.difference("A log or `monitorfile` that cannot be written, a `maintenancedir` that is not there")
def test_places_that_are_not_there(ours: Load) -> None:
    log = f'logfile = "/nowhere/log"\n{GOOD}'
    monitor = f"{GOOD}    monitorfile = /nowhere/monitor\n"
    maintenance = f"maintenancedir = /nowhere\n{GOOD}"
    answers = perl.read_all([log, monitor, maintenance])
    assert [answer.error and answer.error[0] for answer in answers] == [1, 3, None]
    assert [line for line, _ in answers[-1].warnings] == [1]
    assert [ours(config).warnings for config in (log, monitor, maintenance)] == [(), (), ()]


async def test_bytes_that_are_not_utf_8_are_sent_as_the_original_sends_them(ours: Load) -> None:
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split()[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with servers() as place:
        port = await place.start(talk)
        config = f'{VIRTUAL}    real = 127.0.0.1:{port} gate\n    request = "/caf\xe9"\n'.encode("latin-1")
        assert [verdict.state for verdict in (await perl.check(config)).verdicts] == ["up"]
        parsed = ours(config)
        (check,) = plan(parsed.config, kinds())
        assert (await probe(checker_for(check), check.target)).verdict is Verdict.UP
    assert asked == [b"/caf%E9", b"/caf%E9"]
    assert parsed.warnings == ()


@pytest.mark.difference("A pattern to receive that is not valid")
async def test_a_pattern_that_is_none(ours: Load) -> None:
    async with servers() as place:
        port = await place.start(answering(b"HTTP/1.0 200 OK\r\n\r\nhello"))
        config = f'{VIRTUAL}    real = 127.0.0.1:{port} gate\n    receive = "(hello"\n'
        answer = await perl.check(config)
    assert (answer.error, answer.verdicts, answer.log) == (None, (), ())
    assert answer.died is not None
    assert [line for line, _ in refusal(ours, config)] == [3]


@pytest.mark.difference(
    "Numbers too large for the kernel (weights, thresholds, marks), ranges of more than 65,536 addresses"
)
def test_a_range_without_end(ours: Load) -> None:
    """The original would need hours, and then memory."""
    config = f"{VIRTUAL}    real = 10.0.0.0->10.1.0.0:80 gate\n"
    assert refusal(ours, config) == [(2, "the range has more than 65536 addresses")]


@pytest.mark.difference("A host name that does not resolve")
def test_a_name_that_is_lost_at_a_reload(ours: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, {"web1": "203.0.113.1"})
    known = ours(NAMED).hosts
    resolving(monkeypatch, {})
    parsed = load(tmp_path / "test.cf", known)
    assert addresses(parsed) == ["203.0.113.1"]
    assert [warning.what for warning in parsed.warnings] == ['the host name "web1" does not resolve now']


@pytest.mark.difference("A name whose address changes")
def test_a_name_that_moves(ours: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the daemon does once in a resolveinterval; nothing in the original looks a name up again."""
    resolving(monkeypatch, {"web1": "203.0.113.1"})
    first = ours(NAMED)
    assert addresses(first) == ["203.0.113.1"]
    assert addresses(reparse(first, {WEB1: IPv4Address("203.0.113.2")})) == ["203.0.113.2"]


@pytest.mark.difference("Many names")
def test_all_names_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = frozenset(HostName(f"web{number}", ipv6=False) for number in range(20))
    resolving(monkeypatch, {name.name: "203.0.113.1" for name in names}, seconds=0.5)
    began = time.monotonic()
    found = look_up(names, frozenset()).hosts
    assert time.monotonic() - began < 5  # one after the other they take ten
    assert set(found.values()) == {IPv4Address("203.0.113.1")}


def test_all_errors_at_once(ours: Load) -> None:
    config = "checkinterval = soon\nbogus = 1\nvirtual = 192.0.2.1:80\n    real = 127.0.0.1:80 by-car\n"
    error = perl.read(config).error
    assert error is not None
    assert error[0] == 1
    assert [line for line, _ in refusal(ours, config)] == [1, 2, 4]


def test_what_is_new_is_unknown_to_the_original() -> None:
    table = (ROOT / "docs/differences.md").read_text().partition("### New\n")[2]
    new = sorted(set(re.findall(r"^\| `(\w+) = ", table, flags=re.MULTILINE)) - {"smtp"})
    answers = [answer.error for answer in perl.read_all([f"{name} = 1\n{GOOD}" for name in new])]
    assert answers == [(1, f"Unknown command {name} = 1") for name in new]


def test_a_port_of_the_mail_server_is_new(ours: Load) -> None:
    config = f"smtp = mail.example.net:2525\n{GOOD}"
    assert perl.read(config).settings["smtp"] == "mail.example.net"
    assert ours(config).config.settings.smtp == "mail.example.net:2525"
