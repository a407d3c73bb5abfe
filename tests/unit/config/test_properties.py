"""What holds for every text and every configuration."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dumped import from_yaml
from ldirectord_py.checks.base import Kind
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.directives import DIRECTIVES
from ldirectord_py.config.dump import to_dict, to_json, to_yaml
from ldirectord_py.config.model import (
    AlertStatus,
    Authorities,
    CheckType,
    Config,
    Fallback,
    Forward,
    Globals,
    Real,
    Virtual,
)
from ldirectord_py.config.parse import Parsed, parse
from ldirectord_py.errors import ConfigError
from ldirectord_py.ipvs.table import FirewallMark, Protocol, VirtualAddress

NAMES = Names(hostname="director")

lone = st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"])  # bytes that are not UTF-8
anything = st.text(st.characters() | lone, max_size=30)
scraps = st.sampled_from(
    [
        "10.0.0.1:80",
        "[::1]:80",
        "10.0.0.1->10.0.0.9:80",
        "gate",
        "masq 5",
        '"',
        "#",
        "l:1",
        "u:2",
        "yes",
        "5",
        " ",
        "\t",
    ]
)
values = st.lists(st.one_of(scraps, anything), max_size=5).map("".join)
lines = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "    ", "\t", "  ", "# "]),
    st.one_of(st.sampled_from(sorted(DIRECTIVES)), anything),
    st.sampled_from(["=", " = ", "", ":"]),
    values,
)
files = st.lists(lines, max_size=12).map("\n".join)


@given(st.one_of(st.text(st.characters(), max_size=200), files))
def test_no_text_makes_parse_raise_anything_but_its_own_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parsed = parse(text, "any.cf", NAMES, KINDS)
        assert parsed.config == parse(text, "any.cf", NAMES, KINDS).config


@given(files)
def test_problems_are_in_the_order_of_the_file_and_inside_it(text: str) -> None:
    try:
        problems = parse(text, "any.cf", NAMES, KINDS).warnings
    except ConfigError as error:
        problems = error.problems
    places = [(problem.line, problem.column) for problem in problems]
    assert places == sorted(places)
    assert all(1 <= line <= text.count("\n") + 1 and column >= 1 for line, column in places)
    assert all("\n" not in str(problem) for problem in problems)


texts = st.text(st.characters() | lone, max_size=20)
seconds = st.integers(1, 2**31 - 1)
ports = st.integers(0, 65535)
addresses = st.one_of(
    st.builds(IPv4Address, st.integers(0, 2**32 - 1)), st.builds(IPv6Address, st.integers(0, 2**128 - 1))
)
keys = st.one_of(
    st.builds(FirewallMark, st.integers(0, 2**32 - 1), st.booleans()),
    st.builds(VirtualAddress, st.sampled_from([Protocol.TCP, Protocol.UDP]), addresses, ports),
)
reals = st.builds(
    Real,
    addresses,
    ports,
    forward=st.sampled_from(Forward),
    weight=st.integers(0, 2**31 - 1),
    request=texts,
    receive=texts,
    lower=st.integers(0, 2**32 - 1),
    upper=st.integers(0, 2**32 - 1),
    name=st.none() | texts,
)
states = st.lists(st.sampled_from(AlertStatus), unique=True).map(tuple)
STRINGS = ("checkcommand", "request", "receive", "login", "passwd", "database", "secret", "expectstatus")
OPTIONAL = ("netmask", "schedflags", "pe", "virtualhost", "tlsname", "smtp", "monitorfile", "servicename", "comment")
strings: Mapping[str, Any] = dict.fromkeys(STRINGS, texts) | dict.fromkeys(OPTIONAL, st.none() | texts)
virtuals = st.builds(
    Virtual,
    keys,
    reals=st.lists(reals, max_size=3).map(tuple),
    fallback=st.none() | st.builds(Fallback, addresses, ports, st.sampled_from(Forward)),
    persistent=st.none() | seconds,
    checktype=st.sampled_from(CheckType),
    connects=st.none() | st.integers(0, 9),
    service=st.sampled_from(sorted(KINDS)),
    checkport=st.none() | ports,
    ops=st.booleans(),
    tlsverify=st.booleans(),
    tlsca=st.none() | st.builds(Authorities, texts),
    emailalertstatus=states,
    **strings,
)
settings = st.builds(
    Globals,
    autoreload=st.booleans(),
    callback=st.none() | texts,
    emailalert=texts,
    emailalertfrom=st.none() | texts,
    emailalertstatus=states,
    execute=st.lists(texts, unique=True).map(tuple),
    logfile=texts,
    reconcile=st.none() | seconds,
    tlsca=st.none() | st.builds(Authorities, texts),
)
configs = st.builds(Config, settings, st.lists(virtuals, max_size=3).map(tuple))


@given(configs)
def test_yaml_read_back_gives_the_same_configuration(config: Config) -> None:
    assert config == from_yaml(to_yaml(config, show_secrets=True))


@given(configs)
def test_hidden_secrets_are_all_that_differs_from_shown_ones(config: Config) -> None:
    virtuals = tuple(
        replace(virtual, passwd=virtual.passwd and "***", secret=virtual.secret and "***")
        for virtual in config.virtuals
    )
    assert to_dict(replace(config, virtuals=virtuals), show_secrets=True) == to_dict(config)


SECRET = "Tr0ub4dor"


WAYS = ("=", '="', '= "', '="{0}"{0}', ':"', ' "', "='", "=\u201c", " ", "", "  =#")


@given(st.sampled_from(["passwd", "secret"]), st.sampled_from(WAYS), anything)
def test_F51_no_dump_and_no_message_shows_a_secret(name: str, before: str, after: str) -> None:
    text = f"virtual=192.0.2.1:80\n    {name}{before.format(SECRET)}{SECRET}{after}"
    parsed, messages = outcome(text)
    shown = (repr(parsed), to_json(parsed.config), to_yaml(parsed.config)) if parsed else ()
    assert not any(SECRET in output for output in (*messages, *shown))


def outcome(text: str) -> tuple[Parsed | None, list[str]]:
    """Return what parse gives and says."""
    try:
        parsed = parse(text, "any.cf", NAMES, KINDS)
    except ConfigError as error:
        return None, [str(error), repr(error.problems)]
    return parsed, [*map(str, parsed.warnings)]


def test_every_kind_of_service_is_a_word_of_the_grammar() -> None:
    kinds: Mapping[str, Kind] = KINDS
    assert len(kinds) == 21
    for name in kinds:
        text = f"virtual=192.0.2.1:9999\n    service={name}\n"
        assert name == parse(text, "one.cf", NAMES, kinds).config.virtuals[0].service


HOSTILE = {
    "dashes": "    real=" + "a-" * 30000,
    "blanks": "    real=192.0.2.2:80 gate" + " " * 60000 + "x",
    "quotes": "    real=192.0.2.2:80 gate 1 " + '", "' * 15000,
    "signs": '    receive="' + "#" * 60000,
    "words": "    real=192.0.2.2:80 gate" + " a" * 30000,
    "colons": "    fallback=" + "a:" * 30000,
    "digits": "    checkport=" + "1" * 60000,
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_line_is_read_quickly(line: str) -> None:
    started = time.monotonic()
    with contextlib.suppress(ConfigError):
        parse(f"virtual=192.0.2.1:80\n{line}\n", "any.cf", NAMES, KINDS)
    assert time.monotonic() - started < 20
