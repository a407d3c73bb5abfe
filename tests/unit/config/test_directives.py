"""A directive is a row of the table and a field of the model, and nothing else."""

from __future__ import annotations

from dataclasses import fields

from ldirectord_py.config.directives import DIRECTIVES, Scope
from ldirectord_py.config.model import Globals, Virtual

SERVERS = {"virtual", "virtual6", "real", "real6", "fallback", "fallback6"}
TIMEOUTS = {"checktimeout", "negotiatetimeout"}  # in force for a virtual only
KEY = {"protocol"}  # part of a virtual's key
WITHOUT_EFFECT = {"load"}
READ_IN_PLACE = {"include"}

GLOBALS = {field.name for field in fields(Globals)}
VIRTUALS = {field.name for field in fields(Virtual)}


def named(*places: Scope) -> set[str]:
    return {row.name for row in DIRECTIVES.values() if row.scope in places} - SERVERS


def test_what_holds_for_the_daemon_is_what_the_model_keeps_for_it() -> None:
    assert named(Scope.GLOBAL, Scope.BOTH) - TIMEOUTS - READ_IN_PLACE == GLOBALS


def test_what_holds_for_a_virtual_is_what_the_model_keeps_for_it() -> None:
    derived = {"key", "reals", "fallback", "connects", "unresolved"}
    assert named(Scope.VIRTUAL, Scope.BOTH) - KEY - WITHOUT_EFFECT == VIRTUALS - derived


def test_only_servers_and_files_are_read_elsewhere() -> None:
    assert {row.name for row in DIRECTIVES.values() if row.read is None} == SERVERS | READ_IN_PLACE
