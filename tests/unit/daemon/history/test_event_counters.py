"""How events are counted."""

from __future__ import annotations

import errno
from typing import Any

from builders import config, virtual
from ldirectord_py.daemon.history.event_counters import EventCounters
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.refusal import Refused
from ldirectord_py.ipvs.table import Service
from ldirectord_py.report.events import (
    ConfigInForce,
    Drifted,
    Flapping,
    KernelFound,
    KernelLost,
    NotWritten,
    Outage,
    Panic,
    Phase,
    Role,
    SelfDoubted,
    Unjudged,
    Written,
)

WEB, MAIL = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80"), virtual("10.0.0.2:25", "10.1.0.1:25")
ADD = Op(Verb.ADD, Service(WEB.key, "wrr"))


def counted(*events: Any) -> EventCounters:
    counters = EventCounters()
    for event in events:
        counters(event)
    return counters


def test_outages_that_began() -> None:
    counters = counted(Outage(WEB, began=True), Outage(WEB, began=False), Outage(WEB, began=True))
    assert counters.outages == {WEB.key: 2}


def test_servers_that_began_to_flap() -> None:
    assert counted(Flapping(WEB, WEB.reals[0], 4), Flapping(WEB, WEB.reals[0], 0, over=True)).flaps == 1


def test_panics_that_began() -> None:
    assert counted(Panic(WEB, 1, 4), Panic(WEB, 2, 4, began=False)).panics == 1


def test_doubts_that_began() -> None:
    assert counted(SelfDoubted(9, 10), SelfDoubted(9, 10, over=True)).self_doubts == 1


def test_what_was_written_refused_and_changed_by_others() -> None:
    written = Written(ADD, None, Role.UNKNOWN, Phase.RUN)
    refused = [NotWritten(Refused(ADD, number, "")) for number in (errno.ENOENT, errno.ENOENT, 9999)]
    counters = counted(written, written, *refused, Drifted(None, ADD.row, repaired=True))
    assert counters.writes == {Verb.ADD: 2}
    assert counters.refusals == {"ENOENT": 2, "other": 1}
    assert (counters.drift[True], counters.drift[False]) == (1, 0)


def test_whether_the_kernel_is_out_of_reach() -> None:
    assert (counted(KernelLost("")).kernel_lost, counted(KernelLost(""), KernelFound()).kernel_lost) == (True, False)
    assert counted(KernelLost(""), KernelFound(), KernelLost("")).kernel_losses == 2


def test_virtuals_that_are_gone_are_forgotten() -> None:
    events = (Outage(WEB, began=True), Outage(MAIL, began=True))
    assert len(counted(*events, ConfigInForce(config(WEB, MAIL))).outages) == 2
    assert counted(*events, ConfigInForce(config(MAIL))).outages == {MAIL.key: 1}


def test_other_events_are_not_counted() -> None:
    counts, none = vars(counted(Unjudged(None, ""))), vars(counted())  # type: ignore[arg-type]
    assert {name for name, count in counts.items() if count != none[name]} == {"_handlers"}
