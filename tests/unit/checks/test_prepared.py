"""What a check prepares is made once for all its probes, however many checks there are, and is gone with them."""

from __future__ import annotations

import gc
import ssl
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
import regex

from ldirectord_py.checks import pattern
from ldirectord_py.checks.base import Check, Checker, Target
from ldirectord_py.checks.protocols import http1
from ldirectord_py.checks.protocols.http_request import Request, first_request
from ldirectord_py.checks.registry import checker_for
from ldirectord_py.checks.transport import tls

FIRST = int(ip_address("10.0.0.0"))


def targets(count: int, **fields: str) -> list[Target]:
    """Return so many targets; ``{}`` in a field is the number of the target."""
    return [
        Target(
            ip_address(FIRST + number),
            80,
            5.0,
            tlsverify="tlsca" in fields,
            **{name: text.format(number) for name, text in fields.items()},  # type: ignore[arg-type]
        )
        for number in range(count)
    ]


def checkers(kind: str, checked: Sequence[Target]) -> list[Checker]:
    return [checker_for(Check(kind, target, 10.0)) for target in checked]


def begin(prepared: Sequence[Checker], checked: Sequence[Target]) -> None:
    """Begin a probe of each, and end it before it does anything."""
    for checker, target in zip(prepared, checked, strict=True):
        probe = checker(target)
        getattr(probe, "close")()  # noqa: B009  it is a coroutine, and its type tells less


def requests() -> int:
    gc.collect()
    return sum(isinstance(each, Request) for each in gc.get_objects())


@pytest.mark.slow
def test_a_request_is_made_once_for_each_of_40000_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counter[Target]()

    def counted(kind: str, target: Target) -> Request:
        made[target] += 1
        return first_request(kind, target)

    monkeypatch.setattr(http1, "first_request", counted)
    before = requests()
    checked = targets(40_000)
    prepared = checkers("http", checked)
    assert made.total() == 0  # a reload does not wait for it
    for _ in range(2):
        begin(prepared, checked)
    assert (len(made), made.total()) == (40_000, 40_000)
    assert requests() == before + 40_000
    del prepared
    assert requests() == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["imaps", "https", "smtp"])
def test_a_thousand_authorities_need_a_context_each(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counter[str]()

    def demand(_: ssl.SSLContext, ca: str) -> None:
        made[ca] += 1

    monkeypatch.setattr(tls, "_strict", demand)
    checked = targets(1000, tlsca=f"{kind} {{}}", starttls="yes")
    prepared = checkers(kind, checked)
    for _ in range(2):
        begin(prepared, checked)
        if kind == "https":  # takes it when its probe runs
            for checker, target in zip(prepared, checked, strict=True):
                assert isinstance(checker, http1.HttpCheck)
                assert checker.context(first_request(kind, target)) is tls.context(verify=True, ca=target.tlsca)
    assert (len(made), made.total()) == (1000, 1000)
    del prepared, checked
    if kind == "https":
        del checker, target
    gc.collect()
    assert len(tls._contexts._live) < 20


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dns", "simpletcp", "ldap", "http"])
def test_5000_patterns_are_compiled_once_each(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counter[bytes]()

    def compiled(text: bytes, flags: int, cache_pattern: bool) -> regex.Pattern[bytes]:
        made[text] += 1
        return real(text, flags=flags, cache_pattern=cache_pattern)

    real = regex.compile
    monkeypatch.setattr(regex, "compile", compiled)
    checked = targets(5000, receive=f"{kind} {{}}")
    prepared = checkers(kind, checked)
    for _ in range(2):
        begin(prepared, checked)
    assert (len(made), made.total()) == (5000, 5000)
    del prepared
    gc.collect()
    assert len(pattern._patterns._live) < 200


def test_equal_checks_share_what_they_prepare() -> None:
    checked = targets(2, receive="alive")
    prepared = checkers("http", checked)
    begin(prepared, checked)
    assert pattern.compiled("alive") is pattern.compiled("alive")
    assert tls.context(verify=False) is tls.context(verify=False)
