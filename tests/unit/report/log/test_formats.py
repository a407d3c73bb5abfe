"""A line as JSON and as an entry of the journal."""

from __future__ import annotations

import json
import logging
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from builders import real, verdict_on, virtual
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod
from ldirectord_py.report.events import Phase, Role, Unresolved, Written
from ldirectord_py.report.log.formats import MAX_VALUE_SIZE, LogLine, journal_entry, json_object

SERVER = real("10.1.0.1:80")
WEB = virtual("10.0.0.1:80", SERVER, passwd="hunter2")
FELL = verdict_on(WEB, SERVER, Transition(HealthState(up=True), HealthState(failures=1)), "no\nanswer")
ROW = Destination(DestinationKey(WEB.key, SERVER.server, 80), ForwardMethod.ROUTE, 0)
SYSLOG = {"PRIORITY": "6"}


def entry(data: bytes) -> dict[str, str]:
    """Return the fields of an entry of the native protocol, as systemd-journald reads it."""
    fields = {}
    while data:
        name, _, rest = data.partition(b"\n")
        if b"=" in name:
            name, _, value = name.partition(b"=")
            data = rest
        else:
            size = int.from_bytes(rest[:8], "little")
            value, data = rest[8 : 8 + size], rest[9 + size :]
            assert rest[8 + size : 9 + size] == b"\n"
        fields[name.decode()] = value.decode()
    return fields


def test_a_line_without_an_event() -> None:
    line = LogLine(0.0, logging.WARNING, 'say "hello"', "ldirectord_py.cli")
    assert json.loads(json_object(line, "web", 7)) == {
        "time": "1970-01-01T00:00:00.000Z",
        "level": "warning",
        "logger": "ldirectord_py.cli",
        "instance": "web",
        "pid": 7,
        "message": 'say "hello"',
    }


def test_the_fields_of_an_event_follow_and_the_message_is_the_text_of_the_line() -> None:
    found: dict[str, Any] = json.loads(json_object(LogLine(0.0, logging.INFO, "as text", "", FELL), "web", 7))
    assert (found["message"], found["event"], found["reason"]) == ("as text", "server-down", "no\nanswer")
    assert list(found)[:7] == ["time", "level", "logger", "instance", "pid", "message", "event"]


def test_the_journal_gets_names_in_capitals_and_lines_in_binary_form() -> None:
    found = entry(journal_entry(LogLine(0.0, logging.INFO, "as text", "x", FELL), "web", SYSLOG))
    assert (found["MESSAGE"], found["PRIORITY"], found["LDIRECTORD_INSTANCE"]) == ("as text", "6", "web")
    assert (found["LDIRECTORD_REASON"], found["LDIRECTORD_UP"]) == ("no\nanswer", "no")
    assert (found["LDIRECTORD_VIRTUAL"], found["LDIRECTORD_REAL"]) == ("tcp:10.0.0.1:80", "10.1.0.1:80")
    assert "LDIRECTORD_NAME" not in found  # it is null


def test_the_journal_gets_the_cause_under_its_own_names() -> None:
    written = Written(Op(Verb.EDIT, ROW), ROW._replace(weight=5), Role.REAL, Phase.RUN, FELL, WEB)
    found = entry(journal_entry(LogLine(0.0, logging.INFO, "text", "x", written), "web", SYSLOG))
    assert (found["LDIRECTORD_WEIGHT_BEFORE"], found["LDIRECTORD_WEIGHT_AFTER"]) == ("5", "0")
    assert (found["LDIRECTORD_CAUSE_EVENT"], found["LDIRECTORD_CAUSE_REASON"]) == ("server-down", "no\nanswer")


def test_the_journal_gets_lists_as_text() -> None:
    event = Unresolved(WEB, ("a.example", "b.example"), (), ())
    assert entry(journal_entry(LogLine(0.0, 20, "t", "x", event), "web", {}))["LDIRECTORD_NAMES"] == (
        "a.example, b.example"
    )


@given(st.text(st.characters()), st.text(st.characters()))
def test_every_text_is_an_entry_that_the_journal_can_read(text: str, reason: str) -> None:
    event = verdict_on(WEB, SERVER, FELL.transition, reason)
    found = entry(journal_entry(LogLine(0.0, 20, text, "x", event), "web", {}))
    assert len(found["LDIRECTORD_REASON"].encode()) <= MAX_VALUE_SIZE
    assert "hunter2" not in found.values()
