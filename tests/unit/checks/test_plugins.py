"""Kinds of service from other packages: what an installed entry point comes to."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from importlib.metadata import entry_points
from ipaddress import ip_address
from pathlib import Path

import pytest

from harness.fakes.scripted import Servers, dialogue
from ldirectord_py import plugin
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.plugins import GROUP, may_be_installed, plugins
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for, installed, kinds
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.load import load
from ldirectord_py.errors import ConfigError
from ldirectord_py.health import Verdict
from ldirectord_py.plan import plan

REDIS = """
from ldirectord_py.plugin import Kind, Target, connect_tcp


async def check(target: Target) -> str:
    async with connect_tcp(target) as stream:
        if target.passwd:
            await stream.send(f"AUTH {target.passwd}")
            await stream.expect("+OK")
        await stream.send("PING")
        return await stream.expect("+PONG")


KIND = Kind("redis", check, port=6379, uses=frozenset({"passwd"}))
"""

# Plug-ins as docs/checks.md described them before there was ldirectord_py.plugin.
OLDER_REDIS = REDIS.replace(
    "from ldirectord_py.plugin import Kind, Target, connect_tcp",
    "from ldirectord_py.checks.base import Kind, Target\nfrom ldirectord_py.checks.stream import connect",
).replace("connect_tcp(", "connect(")
OLDER_ECHO = """
from ldirectord_py.checks.base import TLS, Kind, Target
from ldirectord_py.checks.datagram import Datagrams, Stray, connect
from ldirectord_py.checks.pattern import compiled
from ldirectord_py.checks.phase import phase, reached
from ldirectord_py.checks.reasons import excerpt, printable
from ldirectord_py.checks.search import search
from ldirectord_py.checks.stream import LIMIT, LINES, Stream
from ldirectord_py.errors import CheckFailed, Inconclusive

OLDER_METHODS = (Stream.leave, Stream.secure)


def read(data: bytes) -> bytes:
    if data == b"stray":
        raise Stray("not an echo")
    return data


async def check(target: Target) -> str:
    reached("connected, no echo")
    async with connect(target) as socket:
        echo = await socket.ask(b"hello", read)
    if await search(compiled("^hel+o$"), echo) is None:
        raise CheckFailed(excerpt(echo))
    return printable(echo)


KIND = Kind("echo", check, port=7)
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package of one module: its text, and its entry points as ``name = module:object``."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = set(sys.modules)

    def install(text: str, *entries: str, module: str = "plugged") -> None:
        (tmp_path / f"{module}.py").write_text(text)
        info = tmp_path / f"ldirectord_{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ldirectord-{module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *entries, ""]))
        invalidate_caches()
        forget()

    yield install
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    forget()


def forget() -> None:
    installed.cache_clear()
    kinds.cache_clear()


def test_importlib_metadata_is_asked_only_where_a_package_may_have_a_plugin(install: Install, tmp_path: Path) -> None:
    assert not may_be_installed([str(tmp_path), "/nonexistent"])
    install(REDIS, "redis = plugged:KIND")
    assert may_be_installed(["/nonexistent", str(tmp_path)])
    archive = tmp_path / "plugins.zip"
    archive.touch()
    assert may_be_installed([str(archive)])
    assert may_be_installed([str(tmp_path / "plugins-1.0.egg")])


def found(*entries: str) -> tuple[list[str], list[str]]:
    """The names that can be used, and why the others cannot."""
    result = plugins(entry_points(group=GROUP), {"http", "ping"})
    return [kind.name for kind in result.kinds], list(result.refused)


@pytest.mark.parametrize("text", [REDIS, OLDER_REDIS], ids=["plugin", "older"])
async def test_an_installed_kind_is_a_word_of_service(
    text: str, install: Install, tmp_path: Path, servers: Servers
) -> None:
    install(text, "redis = plugged:KIND")
    port = await servers.start(dialogue(b"", b"+OK\r\n", b"+PONG\r\n"))
    file = tmp_path / "cache.cf"
    file.write_text(
        f'virtual = 192.0.2.1:6379\n    real = 127.0.0.1:{port} masq\n    service = redis\n    passwd = "x"\n'
        "virtual = 192.0.2.2:6379\n    real = 127.0.0.1:1 masq\n"
    )
    loaded = load(file)
    assert [virtual.service for virtual in loaded.config.virtuals] == ["redis", "redis"]
    check, _ = plan(loaded.config, kinds())
    result = await probe(checker_for(check), check.target)
    assert (result.verdict, result.reason) == (Verdict.UP, "+PONG")


async def test_a_kind_over_udp_that_uses_the_older_names_still_works(install: Install) -> None:
    install(OLDER_ECHO, "echo = plugged:KIND")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        asyncio.get_running_loop().add_reader(server, answer_twice, server)
        target = Target(ip_address("127.0.0.1"), server.getsockname()[1], 5.0)
        try:
            result = await probe(checker_for(Check("echo", target, 1.0)), target)
        finally:
            asyncio.get_running_loop().remove_reader(server)
        assert (result.verdict, result.reason) == (Verdict.UP, "hello")


def answer_twice(server: socket.socket) -> None:
    """Answer a datagram with one that does not count, and then with itself."""
    data, client = server.recvfrom(100)
    server.sendto(b"stray", client)
    server.sendto(data, client)


def test_the_page_imports_only_what_the_public_interface_has() -> None:
    page = (Path(__file__).parents[3] / "docs" / "checks.md").read_text().partition("## Kinds of your own")[2]
    for line in re.findall(r"^from ldirectord_py.* import .*$", page, re.MULTILINE):
        assert line.startswith("from ldirectord_py.plugin import ")
    named = set(re.findall(r"^\| `(\w+)", page, re.MULTILINE))
    assert named == set(plugin.__all__)
    assert set(re.findall(r"ldirectord_py\.[a-z_.]+", page)) == {"ldirectord_py.plugin", "ldirectord_py.checks"}


def test_without_plug_ins_the_words_are_ours() -> None:
    assert kinds() == KINDS


def test_a_port_of_ours_implies_our_word(install: Install, tmp_path: Path) -> None:
    install(REDIS.replace("6379", "80"), "redis = plugged:KIND")
    file = tmp_path / "web.cf"
    file.write_text("virtual = 192.0.2.1:80\n    real = 127.0.0.1:80 masq\n")
    assert load(file).config.virtuals[0].service == "http"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("", "AttributeError: module 'plugged' has no attribute 'KIND'"),
        ("KIND = 7", "plugged:KIND is no Kind with a check"),
        (REDIS.replace("check, port", "None, port"), "plugged:KIND is no Kind with a check"),
        (REDIS.replace('Kind("redis"', 'Kind("red is"'), '"red is" is no word'),
        (REDIS.replace('Kind("redis"', 'Kind("http"'), "there is a http already"),
        (REDIS.replace('Kind("redis"', 'Kind("ping"'), "there is a ping already"),
        (REDIS.replace('{"passwd"}', '{"passwd", "pass"}'), "a Target has no pass"),
    ],
)
def test_an_unusable_entry_point_is_left_out_with_a_reason(install: Install, text: str, reason: str) -> None:
    install(text, "redis = plugged:KIND")
    assert found() == ([], [f'service "redis" of ldirectord-plugged 1.0 is left out: {reason}'])


def test_of_two_with_the_same_name_the_second_is_refused(install: Install) -> None:
    install(REDIS, "one = plugged:KIND", "two = plugged:KIND")
    assert found() == (["redis"], ['service "two" of ldirectord-plugged 1.0 is left out: there is a redis already'])


def test_a_file_is_good_without_the_one_that_is_left_out_and_names_it_where_it_is_used(
    install: Install, tmp_path: Path
) -> None:
    install("1 / 0", "redis = plugged:KIND")
    file = tmp_path / "cache.cf"
    file.write_text("virtual = 192.0.2.1:80\n    real = 127.0.0.1:80 masq\n")
    expected = (
        f'{file}:1:1: warning: service "redis" of ldirectord-plugged 1.0 is left out: '
        "ZeroDivisionError: division by zero; fix or uninstall that package"
    )
    assert [expected] == [str(warning) for warning in load(file).warnings]
    file.write_text("virtual = 192.0.2.1:80\n    real = 127.0.0.1:80 masq\n    service = redis\n")
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert str(refused.value.problems[0]) == expected
    assert str(refused.value.problems[1]).startswith(f'{file}:3:15: service cannot be "redis"')
