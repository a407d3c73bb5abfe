from __future__ import annotations

from dataclasses import fields

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.services import KINDS

PORTS = {
    21: "ftp",
    25: "smtp",
    53: "dns",
    80: "http",
    110: "pop",
    119: "nntp",
    143: "imap",
    389: "ldap",
    443: "https",
    587: "submission",
    636: "ldaps",
    993: "imaps",
    995: "pops",
    1521: "oracle",
    1812: "radius",
    3128: "http_proxy",
    3306: "mysql",
    5060: "sip",
    5432: "pgsql",
}


def test_every_word_of_the_grammar_is_there_under_its_own_name() -> None:
    assert {*PORTS.values(), "none", "simpletcp"} == set(KINDS)
    assert list(KINDS) == [kind.name for kind in KINDS.values()]


def test_a_port_implies_its_word() -> None:
    implied = {kind.port: kind.name for kind in KINDS.values() if kind.port}
    assert implied == PORTS


def test_only_ftp_and_sip_have_default_logins() -> None:
    expected = {"ftp": ("anonymous", "ldirectord@{hostname}"), "sip": ("ldirectord@{hostname}", "")}
    given = {kind.name: (kind.login, kind.passwd) for kind in KINDS.values() if kind.login or kind.passwd}
    assert expected == given


def test_a_kind_uses_only_fields_that_a_target_has() -> None:
    known = {field.name for field in fields(Target)}
    assert all(kind.uses <= known for kind in KINDS.values())
