"""Kinds of service from other packages: what an installed entry point comes to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from harness.fakes.scripted import Servers, dialogue
from ldirectord_py.checks.plugins import GROUP, plugins
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for, installed, kinds
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.load import load
from ldirectord_py.errors import ConfigError
from ldirectord_py.health import Verdict
from ldirectord_py.plan import plan

REDIS = """
from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.transport.stream import connect


async def check(target: Target) -> str:
    async with connect(target) as stream:
        if target.passwd:
            await stream.send(f"AUTH {target.passwd}")
            await stream.expect("+OK")
        await stream.send("PING")
        return await stream.expect("+PONG")


KIND = Kind("redis", check, port=6379, uses=frozenset({"passwd"}))
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


def found(*entries: str) -> tuple[list[str], list[str]]:
    """The names that can be used, and why the others cannot."""
    result = plugins(entry_points(group=GROUP), {"http", "ping"})
    return [kind.name for kind in result.kinds], list(result.refused)


async def test_an_installed_kind_is_a_word_of_service(install: Install, tmp_path: Path, servers: Servers) -> None:
    install(REDIS, "redis = plugged:KIND")
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
def test_what_cannot_be_used_is_left_out_and_told(install: Install, text: str, reason: str) -> None:
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
    told = (
        f'{file}:1:1: warning: service "redis" of ldirectord-plugged 1.0 is left out: '
        "ZeroDivisionError: division by zero; fix or uninstall that package"
    )
    assert [told] == [str(warning) for warning in load(file).warnings]
    file.write_text("virtual = 192.0.2.1:80\n    real = 127.0.0.1:80 masq\n    service = redis\n")
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert str(refused.value.problems[0]) == told
    assert str(refused.value.problems[1]).startswith(f'{file}:3:15: service cannot be "redis"')
