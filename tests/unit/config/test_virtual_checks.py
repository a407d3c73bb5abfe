"""What a kind of check requires: a driver, or the file is refused; directives, or there is a warning."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.load import load
from ldirectord_py.config.parse import parse
from ldirectord_py.errors import ConfigError

VIRTUAL = "virtual=192.0.2.1:3306\n    real=198.51.100.1:3306 masq\n"
LOGIN = '    service=mysql\n    login="joe"\n    request="SELECT 1"\n'


async def _check(target: Target) -> str:
    raise NotImplementedError(target)


MYSQL = Kind(
    "mysql", _check, port=3306, needs=frozenset({"login", "request"}), driver="nodriver.of.mysql", extra="mysql"
)
WORDS = MappingProxyType({**KINDS, "mysql": MYSQL})


def problems(text: str, kind: Kind = MYSQL) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "db.cf", Names(), {**KINDS, "mysql": kind}, lambda module: module != kind.driver)
    return [str(problem) for problem in caught.value.problems]


def test_a_driver_that_is_not_installed_refuses_the_file_at_the_line_that_asks_for_it() -> None:
    what = "db.cf:3:13: the check of mysql needs nodriver.of.mysql, which is not installed"
    assert problems(VIRTUAL + LOGIN) == [f"{what}; run pip install 'ldirectord-py[mysql]'"]
    implied = problems(VIRTUAL + LOGIN.replace("    service=mysql\n", ""))
    assert [problem.partition(":3306")[0].split(" the ")[0] for problem in implied] == ["db.cf:1:9:"]


@pytest.mark.parametrize("checktype", ["connect", "ping", "external", "on", "off"])
def test_a_driver_is_asked_for_only_where_the_check_is_made(checktype: str) -> None:
    text = f"{VIRTUAL}{LOGIN}    checktype={checktype}\n"
    assert parse(text, "db.cf", Names(), WORDS, lambda _: False).warnings == ()


def test_a_driver_that_is_installed_is_not_mentioned() -> None:
    assert parse(VIRTUAL + LOGIN, "db.cf", Names(), WORDS, lambda _: True).warnings == ()


def test_a_check_that_cannot_pass_for_want_of_a_directive_is_warned_of() -> None:
    parsed = parse(VIRTUAL, "db.cf", Names(), WORDS)
    assert [str(warning) for warning in parsed.warnings] == [
        'db.cf:1:9: warning: a check of mysql without login never passes; add login="..."',
        'db.cf:1:9: warning: a check of mysql without request never passes; add request="..."',
    ]


def test_a_request_of_each_server_will_do() -> None:
    text = VIRTUAL.rstrip() + ' "SELECT 1" "x"\n    login="joe"\n'
    assert parse(text, "db.cf", Names(), WORDS).warnings == ()


def test_loading_a_file_looks_for_the_drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "db.cf"
    path.write_text(VIRTUAL + LOGIN)
    loader = sys.modules["ldirectord_py.config.load"]
    for driver, refused in (("asyncio", False), ("no_such_module_of_ours", True)):
        words = {**KINDS, "mysql": replace(MYSQL, driver=driver)}
        monkeypatch.setattr(loader, "kinds", lambda words=words: words)
        if refused:
            with pytest.raises(ConfigError, match="needs no_such_module_of_ours, which is not installed"):
                load(path)
        else:
            assert load(path).warnings == ()


def test_every_driver_has_an_extra_that_installs_it() -> None:
    asking = {kind.name: kind for kind in KINDS.values() if kind.driver}
    assert all(kind.extra and "." not in kind.driver for kind in asking.values())
    assert all(importlib.util.find_spec(kind.driver) for kind in asking.values())


UNWEIGHTED = (
    "4:15: warning: slowstart has no effect with scheduler=rr, which does not look at weights; "
    "write scheduler=wrr or wlc"
)


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ("real=198.51.100.1:80 masq 10\n    slowstart=60", ""),
        ("real=198.51.100.1:80 masq 10\n    real=198.51.100.2:80 masq\n    slowstart=60", ""),
        ("real=198.51.100.1:80 masq\n    slowstart=off", ""),
        (
            "real=198.51.100.1:80 masq\n    slowstart=60",
            "4:15: warning: slowstart has no effect on servers of weight 1; give them larger weights, such as 10",
        ),
        (
            "real=198.51.100.1:80 masq 10\n    slowstart=60\n    scheduler=rr",
            UNWEIGHTED,
        ),
    ],
)
def test_a_slow_start_without_effect_is_warned_of(lines: str, warned: str) -> None:
    text = f"virtual=192.0.2.1:80\n    checktype=connect\n    {lines}\n"
    found = [str(warning).removeprefix("web.cf:") for warning in parse(text, "web.cf", Names(), KINDS).warnings]
    assert found == ([warned] if warned else [])


def test_a_slow_start_of_the_daemon_is_for_whatever_has_weight() -> None:
    text = "slowstart=60\nvirtual=192.0.2.1:80\n    checktype=connect\n    real=198.51.100.1:80 masq\n"
    parsed = parse(text, "web.cf", Names(), KINDS)
    assert (parsed.warnings, parsed.config.virtuals[0].slowstart) == ((), 60)
