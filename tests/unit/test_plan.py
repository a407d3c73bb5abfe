import dataclasses
from typing import Any

import pytest

from builders import KINDS, config, passes, real, virtual
from ldirectord_py.checks.base import TLS, Check, Kind, Target
from ldirectord_py.checks.services import KINDS as SERVICES
from ldirectord_py.config.model import Authorities, CheckType, Virtual
from ldirectord_py.desired import real_key
from ldirectord_py.health import Pace, Rules
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.plan import plan


def only(site: Virtual) -> Check:
    (check,) = plan(config(site), KINDS)
    return check


def test_equal_checks_are_one_and_inform_every_virtual() -> None:
    web, alias = virtual("10.0.0.1:80", "10.1.0.1:80"), virtual("10.0.0.2:80", "10.1.0.1:80")
    key, other = real_key(web, web.reals[0]), real_key(alias, alias.reals[0])
    assert list(plan(config(web, alias), KINDS).values()) == [(key, other)]


@pytest.mark.parametrize(
    "change",
    [
        {"virtualhost": "www.example.org"},
        {"httpmethod": "HEAD"},
        {"negotiatetimeout": 7},
        {"checkinterval": 7},
        {"checkport": 81},
        {"fastinterval": 1},
        {"downinterval": 10},
    ],
)
def test_a_check_that_differs_in_what_it_uses_is_another(change: dict[str, Any]) -> None:
    web, other = virtual("10.0.0.1:80", "10.1.0.1:80"), virtual("10.0.0.2:80", "10.1.0.1:80", **change)
    assert len(plan(config(web, other), KINDS)) == 2


@pytest.mark.parametrize(("intervals", "checks"), [({}, 1), ({"fastinterval": 1}, 2), ({"downinterval": 1}, 2)])
def test_counts_tell_checks_apart_only_if_intervals_depend_on_them(intervals: dict[str, Any], checks: int) -> None:
    web = virtual("10.0.0.1:80", "10.1.0.1:80", failurecount=2, **intervals)
    other = virtual("10.0.0.2:80", "10.1.0.1:80", failurecount=3, **intervals)
    assert len(plan(config(web, other), KINDS)) == checks


def test_every_kind_of_check_has_the_pace_of_its_virtual() -> None:
    for checktype in (CheckType.NEGOTIATE, CheckType.COMBINED, CheckType.CONNECT, CheckType.PING, CheckType.EXTERNAL):
        web = virtual("10.0.0.1:80", "10.1.0.1:80", checktype=checktype, downinterval=30, successcount=2)
        assert (only(web).pace, only(web).max_interval) == (Pace(None, 30, Rules(1, 2)), 30)


def test_a_request_of_its_own_makes_another_check() -> None:
    web = virtual("10.0.0.1:80", "10.1.0.1:80", real("10.1.0.1:80", request="/own"))
    assert [check.target.request for check in plan(config(web), KINDS)] == ["/", "/own"]


def test_what_a_kind_does_not_use_does_not_tell_checks_apart() -> None:
    web = virtual("10.0.0.1:80", "10.1.0.1:80", login="a", passwd="b")
    other = virtual("10.0.0.2:80", "10.1.0.1:80", login="c", checktimeout=9)
    assert len(plan(config(web, other), KINDS)) == 1


def test_negotiate_has_the_negotiatetimeout_and_connect_the_checktimeout() -> None:
    web = virtual("10.0.0.1:80", "10.1.0.1:80", negotiatetimeout=7, checktimeout=3)
    assert only(web).target.timeout == 7
    assert only(dataclasses.replace(web, checktype=CheckType.CONNECT)) == Check(
        "connect", Target(web.reals[0].server, 80, 3), 10
    )


def test_a_numeric_checktype_has_both_timeouts() -> None:
    web = virtual(
        "10.0.0.1:80", "10.1.0.1:80", checktype=CheckType.COMBINED, connects=4, negotiatetimeout=7, fastinterval=2
    )
    check = only(web)
    assert (check.kind, check.interval, check.connects, check.connect_timeout) == ("http", 10, 4, 5)
    assert (check.target.timeout, check.pace) == (7, Pace(2, None, Rules()))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("httpmethod", "HEAD"),
        ("virtualhost", "www.example.net"),
        ("login", "somebody"),
        ("passwd", "a password"),
        ("database", "a database"),
        ("secret", "a secret"),
        ("tlsverify", True),
        ("starttls", True),
        ("expectstatus", "200,301"),
        ("followredirects", False),
    ],
)
def test_what_a_kind_uses_reaches_its_target(field: str, value: object) -> None:
    kinds = {"own": Kind("own", passes, port=7, uses=frozenset({field}))}
    directives: dict[str, Any] = {field: value}
    (check,) = plan(config(virtual("10.0.0.1:80", "10.1.0.1:80", service="own", **directives)), kinds)
    assert getattr(check.target, field) == value


def test_what_a_server_has_of_its_own_reaches_its_target() -> None:
    kinds = {"own": Kind("own", passes, uses=frozenset({"request", "receive"}))}
    server = real("10.1.0.1:80", request="/own", receive="fine")
    (check,) = plan(config(virtual("10.0.0.1:80", server, service="own")), kinds)
    assert (check.target.request, check.target.receive) == ("/own", "fine")
    assert check.target.address == server.server


def test_connect_over_udp_is_a_ping() -> None:
    dns = virtual("10.0.0.1:53", "10.1.0.1:53", protocol=Protocol.UDP, checktype=CheckType.CONNECT, checkcount=3)
    assert only(dns) == Check("ping", Target(dns.reals[0].server, 0, 15, attempts=3), 10)


@pytest.mark.parametrize("checktype", [CheckType.ON, CheckType.OFF])
def test_on_and_off_check_nothing(checktype: CheckType) -> None:
    assert plan(config(virtual("10.0.0.1:80", "10.1.0.1:80", checktype=checktype)), KINDS) == {}


def test_an_external_check_knows_its_virtual_and_is_not_shared() -> None:
    command: dict[str, Any] = {"checktype": CheckType.EXTERNAL, "checkcommand": "/bin/check -v", "checkport": 99}
    first, second = virtual("10.0.0.1:80", "10.1.0.1:80", **command), virtual("10.0.0.2:80", "10.1.0.1:80", **command)
    checks = plan(config(first, second), KINDS)
    assert [(check.target.virtual, check.target.port, check.target.command) for check in checks] == [
        (first.key, 80, "/bin/check -v"),
        (second.key, 80, "/bin/check -v"),
    ]


def test_the_port_is_the_checkport_else_the_servers_else_the_kinds() -> None:
    ports = [
        only(virtual(1, real("10.1.0.1:0"), service="imap", checkport=144)).target.port,
        only(virtual(1, real("10.1.0.1:145"), service="imap")).target.port,
        only(virtual(1, real("10.1.0.1:0"), service="imap")).target.port,
    ]
    assert ports == [144, 145, 143]


@pytest.mark.parametrize("kind", SERVICES)
def test_every_word_of_service_can_be_planned(kind: str) -> None:
    check = next(iter(plan(config(virtual("10.0.0.1:7", "10.1.0.1:7", service=kind)), SERVICES)))
    assert (check.kind, check.target.protocol) == (kind, Protocol.TCP)


def test_a_firewall_mark_is_checked_over_the_protocol_of_the_kind() -> None:
    kinds = {"dns": Kind("dns", passes, port=53, protocol=Protocol.UDP, uses=frozenset({"protocol"}))}
    marked, over_tcp = virtual(1, "10.1.0.1:53", service="dns"), virtual("10.0.0.1:53", "10.1.0.1:53", service="dns")
    checks = plan(config(marked, over_tcp), kinds)
    assert [check.target.protocol for check in checks] == [Protocol.UDP, Protocol.TCP]


@pytest.mark.parametrize(
    ("directives", "expected"),
    [
        ({}, (False, "", "")),
        ({"virtualhost": "www.example.net"}, (False, "", "www.example.net")),
        ({"virtualhost": "www.example.net", "tlsname": "tls.example.net"}, (False, "", "tls.example.net")),
        ({"tlsca": Authorities("ca.pem", "PEM")}, (False, "", "")),
        ({"tlsca": Authorities("ca.pem", "PEM"), "tlsverify": True}, (True, "PEM", "")),
        ({"tlsverify": True}, (True, "", "")),
    ],
)
def test_the_name_in_tls_is_that_of_the_virtualhost_and_authorities_count_only_when_asked(
    directives: dict[str, Any], expected: tuple[bool, str, str]
) -> None:
    kinds = {"https": Kind("https", passes, uses=TLS)}
    (check,) = plan(config(virtual("10.0.0.1:443", "10.1.0.1:443", service="https", **directives)), kinds)
    assert expected == (check.target.tlsverify, check.target.tlsca, check.target.tlsname)


def test_a_file_of_authorities_that_holds_something_else_makes_another_check() -> None:
    kinds = {"https": Kind("https", passes, uses=TLS)}
    old, new = (
        virtual("10.0.0.1:443", "10.1.0.1:443", service="https", tlsverify=True, tlsca=Authorities("ca.pem", pem))
        for pem in ("old", "new")
    )
    assert plan(config(old), kinds).keys() != plan(config(new), kinds).keys()
