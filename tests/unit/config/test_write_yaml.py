"""Scalars that every version of YAML reads as the same text."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.document import read_document
from ldirectord_py.config.lines import Text
from ldirectord_py.config.write_yaml import to_yaml_form
from ldirectord_py.errors import ConfigError


def written(line: str) -> str:
    """Return what is written for a line of a virtual."""
    text = to_yaml_form(read_document(Text("a.cf", f"virtual=1\n    {line}\n"), KINDS))
    return text.removeprefix("virtuals:\n  - virtual: 1\n    ").removesuffix("\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("checkport=80", "checkport: 80"),
        ("checktype=3", "checktype: 3"),
        ("checkinterval=5", "checkinterval: 5"),
        ("panic=50", "panic: 50"),
        ("panic=off", 'panic: "off"'),
        ("slowstart=60", "slowstart: 60"),
        ("slowstart=0.5", "slowstart: 0.5"),
        ("slowstart=off", 'slowstart: "off"'),
        ("flapthreshold=6", "flapthreshold: 6"),
        ("drainremoved=600", "drainremoved: 600"),
        ("drainremoved=0", "drainremoved: 0"),
        ("flapthreshold=off", 'flapthreshold: "off"'),
        ("checkinterval=0.5", "checkinterval: 0.5"),
        ("checkinterval=0.5 s", "checkinterval: 0.5"),
        ("checkinterval=1.5", "checkinterval: 1"),
        ("emailalertfreq=0.0", "emailalertfreq: 0"),
        ("checktype=on", 'checktype: "on"'),
        ("quiescent=yes", "quiescent: yes"),
        ('passwd="yes"', 'passwd: "yes"'),
        ('passwd="12345"', 'passwd: "12345"'),
        ('passwd="1e3"', 'passwd: "1e3"'),
        ('passwd="0x1f"', 'passwd: "0x1f"'),
        ('passwd="null"', 'passwd: "null"'),
        ('passwd="~"', 'passwd: "~"'),
        ('passwd=" a"', 'passwd: " a"'),
        ('passwd="a: b"', 'passwd: "a: b"'),
        ('passwd="a #b"', 'passwd: "a #b"'),
        ('passwd="a,b"', 'passwd: "a,b"'),
        ('passwd="&a"', 'passwd: "&a"'),
        ('passwd="say "hi""', "passwd: 'say \"hi\"'"),
        (r'receive="\d+"', r"receive: '\d+'"),
        ('receive="it\'s \\d"', r"receive: 'it''s \d'"),
        ('receive="caf\u00e9"', 'receive: "caf\u00e9"'),
        ('receive="a\x07b"', r'receive: "a\U00000007b"'),
        ('receive="a\u2028b"', r'receive: "a\U00002028b"'),
        ("servicename=", 'servicename: ""'),
        ("netmask=255.255.255.0", 'netmask: "255.255.255.0"'),
        ("schedflags=sh-port,sh-fallback", 'schedflags: "sh-port,sh-fallback"'),
        ("checkcommand=/bin/a b=c", "checkcommand: /bin/a b=c"),
        ("fallback=10.0.0.1:80", "fallback: 10.0.0.1:80 gate"),
        ("real=10.0.0.1:80 gate", "reals:\n      - {real: 10.0.0.1:80, forward: gate}"),
        ("real=10.0.0.1 masq 2 u:9", 'reals:\n      - {real: "10.0.0.1", forward: masq, weight: 2, upper: 9}'),
    ],
)
def test_scalars(line: str, expected: str) -> None:
    assert written(line) == expected


@given(st.text(st.characters(exclude_characters="\0\n\t#", exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_read_as_itself_by_other_readers_of_yaml(text: str) -> None:
    if text.strip(' "\r\x0b\x0c'):
        shown = written(f'receive="{text}"')
        found: Any = yaml.safe_load(shown)
        assert found == {"receive": text}


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^a\.cf:2:13: receive has bytes that are not UTF-8, which YAML cannot hold"):
        written('receive="\udcff"')


def test_what_yaml_cannot_have_in_a_comment_is_replaced() -> None:
    text = to_yaml_form(read_document(Text("a.cf", "# a\x07\udcff\nfork=no\n"), KINDS))
    assert text == "# a\ufffd\ufffd\nfork: no\n"
