from __future__ import annotations

from ipaddress import ip_address

import pytest

from ldirectord_py.checks import registry
from ldirectord_py.checks.base import Check, Kind, Target
from ldirectord_py.checks.checktypes import connect, ping
from ldirectord_py.checks.checktypes.combined import Combined
from ldirectord_py.checks.registry import CHECKTYPES, checker_for
from ldirectord_py.checks.services import KINDS, nntp
from ldirectord_py.ipvs.table import Protocol

TARGET = Target(ip_address("192.0.2.1"), 80, 5.0)
UDP = Target(ip_address("192.0.2.1"), 53, 5.0, protocol=Protocol.UDP)


def test_every_kind_has_a_checker() -> None:
    assert sorted(CHECKTYPES) == ["connect", "external", "external-perl", "ping"]
    for name in (*KINDS, *CHECKTYPES):
        assert callable(checker_for(Check(name, TARGET, 10.0)))


def test_each_word_has_its_check() -> None:
    assert nntp.KIND.check is checker_for(Check("nntp", TARGET, 10.0))
    assert isinstance(checker_for(Check("connect", TARGET, 10.0)), connect.ConnectCheck)


def test_a_kind_without_a_check_is_a_connect_or_a_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "kinds", lambda: {"gopher": Kind("gopher", None)})
    assert isinstance(checker_for(Check("gopher", TARGET, 10.0)), connect.ConnectCheck)
    assert ping.check is checker_for(Check("gopher", UDP, 10.0))


def test_each_combined_check_has_a_separate_state() -> None:
    check = Check("http", TARGET, 10.0, connects=3, connect_timeout=1.0)
    first, second = checker_for(check), checker_for(check)
    assert isinstance(first, Combined)
    assert first is not second


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        checker_for(Check("gopher", TARGET, 10.0))
