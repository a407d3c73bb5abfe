"""Each directive about mails has a reader, whose results and problems are these."""

from __future__ import annotations

from typing import Any

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.model import AlertStatus
from ldirectord_py.config.parse import Parsed, parse
from ldirectord_py.errors import ConfigError

RUNNING, STARTING = AlertStatus("running"), AlertStatus("starting")


def parsed(line: str) -> Parsed:
    return parse(f"{line}\nvirtual=192.0.2.1:80\n    real=198.51.100.1:80 gate\n", "any.cf", Names(), KINDS)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("emailalert = admin@example.com", "admin@example.com"),
        ('emailalert = "Admin <admin@example.com>"  # on call', "Admin <admin@example.com>"),
        ("emailalertstatus = starting, running,", (STARTING, RUNNING)),
        ("emailalertstatus = all", tuple(AlertStatus)),
        ("emailalertstatus = none", ()),
        ("smtp = mail.example.com", "mail.example.com"),
        ("smtp = [2001:db8::1]:2525", "[2001:db8::1]:2525"),
    ],
)
def test_values(line: str, value: Any) -> None:
    result = parsed(line)
    assert getattr(result.config.virtuals[0], line.partition(" ")[0]) == value
    assert result.warnings == ()


@pytest.mark.parametrize(
    ("line", "value", "warning"),
    [
        ("emailalertstatus = ,", (), "no state is named, so no mail is sent"),
        ("smtp = mail.example.com/25", "mail.example.com", "the text after the host is ignored"),
    ],
)
def test_values_with_a_warning(line: str, value: Any, warning: str) -> None:
    result = parsed(line)
    assert getattr(result.config.virtuals[0], line.partition(" ")[0]) == value
    assert [problem.what for problem in result.warnings] == [warning]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("emailalert = # nobody", "emailalert is empty"),
        ("emailalertstatus = runing", 'emailalertstatus cannot be "runing"'),
        ("emailalertstatus = none, running", '"none" is combined with other states'),
        ("smtp = [2001:db8]", "smtp is not a host name or an address"),
        ("smtp = mail.example.com:65536", "smtp has no port from 1 to 65535"),
    ],
)
def test_errors(line: str, what: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parsed(line)
    assert [problem.what for problem in raised.value.problems] == [what]
