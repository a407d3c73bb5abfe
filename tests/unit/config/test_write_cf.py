"""Values that ldirectord.cf can hold, and those that it cannot."""

from __future__ import annotations

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.document import read_document
from ldirectord_py.config.lines import Text
from ldirectord_py.config.write_cf import to_cf_form
from ldirectord_py.errors import ConfigError


def written(line: str) -> str:
    """Return what is written for a line of a virtual."""
    text = to_cf_form(read_document(Text("a.yaml", f"virtuals:\n- virtual: 1\n  {line}\n"), KINDS), KINDS)
    return text.removeprefix("virtual=1\n    ").removesuffix("\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("request: a", 'request="/a"'),
        ("receive: '# \"'", 'receive="# ""'),
        ("checkcommand: /bin/a", "checkcommand=/bin/a"),
        ("checkcommand: /bin/a# b", 'checkcommand="/bin/a# b"'),
        ("checkport: 80  # http", "checkport=80  # http"),
        ("quiescent: true  # yes", "# yes\n    quiescent=yes"),
        ("comment: text # said", "comment=text  # said"),
        ("fallback: 10.0.0.1:80 masq", "fallback=10.0.0.1:80 masq"),
        ("reals: ['10.0.0.1:80 gate 5']", "real=10.0.0.1:80 gate 5"),
        (
            "reals: [{real: 10.0.0.1, forward: gate, request: a, receive: b, lower: 1, upper: 2}]",
            'real=10.0.0.1 gate "/a", "b" l:1 u:2',
        ),
        ("reals: [{real: 10.0.0.1, forward: gate, weight: 0}]  # off", "real=10.0.0.1 gate 0  # off"),
    ],
)
def test_values(line: str, expected: str) -> None:
    assert written(line) == expected


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("receive: 'a\"b#c'", "receive"),
        ("comment: ' a'", "comment"),
        ('servicename: "a # b"', "servicename"),
        ("reals: [{real: 10.0.0.1, forward: gate, request: a, receive: 'b\", \"c'}]", "real"),
    ],
)
def test_values_that_it_cannot_hold_are_refused(line: str, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        written(line)
    assert str(caught.value).startswith("a.yaml:3:")
    assert str(caught.value).endswith(f"ldirectord.cf cannot hold this value of {name}; write another")
