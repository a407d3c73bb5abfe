"""``pe``: the persistence engine of a virtual, or of all that may have it."""

from __future__ import annotations

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.parse import Parsed, parse
from ldirectord_py.desired import service
from ldirectord_py.errors import ConfigError

NAMES = Names(hostname="director")
SIP = "virtual=192.0.2.1:5060\n    protocol=udp\n    persistent=600\n"
MARK = "virtual=7\n    persistent=600\n"
WEB = "virtual=192.0.2.1:80\n    persistent=600\n"


def read(text: str) -> Parsed:
    return parse(text, "any.cf", NAMES, KINDS)


@pytest.mark.parametrize(
    ("text", "engine", "any_engine"),
    [
        (SIP, "", True),
        (f"{SIP}    pe=sip\n", "sip", False),
        (f"{SIP}    pe=none\n", "", False),
        (f"{MARK}    pe=sip\n", "sip", False),
        (f"pe=sip\n{SIP}", "sip", False),
        (f"pe=sip\n{MARK}", "sip", False),
        (f"pe=sip\n{SIP}    pe=none\n", "", False),
        (f"pe=none\n{WEB}", "", False),
        (f"pe=sip\n{WEB}", "", True),
    ],
)
def test_a_virtuals_word_holds_else_the_daemons_where_it_can(text: str, engine: str, any_engine: bool) -> None:
    parsed = read(text)
    row = service(parsed.config.virtuals[0])
    assert (row.engine, row.any_engine, parsed.warnings) == (engine, any_engine, ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{SIP}    pe=sup\n", 'any.cf:4:8: pe cannot be "sup"; did you mean "sip"?'),
        (f"pe=5\n{SIP}", 'any.cf:1:4: pe cannot be "5"; write sip or none'),
        (
            f"{WEB}    pe=sip\n",
            "any.cf:3:8: pe=sip is for udp only: the kernel would drop every connection over tcp; leave it out",
        ),
    ],
)
def test_what_it_cannot_be_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert [str(each) for each in caught.value.problems] == [problem]


def test_without_persistent_it_has_no_effect() -> None:
    (warning,) = read("virtual=7\n    pe=sip\n").warnings
    assert str(warning) == "any.cf:2:8: warning: pe has no effect without persistent; add persistent=N"
