"""The verdict that changed a row is known until the row is written, and the last one counts."""

from __future__ import annotations

import errno

import pytest

from builders import real, verdict_on, virtual
from harness.director_site import destination
from ldirectord_py.daemon.reconciler.causes import Causes
from ldirectord_py.daemon.reconciler.dirty_set import Scopes
from ldirectord_py.errors import KernelError
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import Refused
from ldirectord_py.ipvs.table import DestinationKey, service_of
from ldirectord_py.report.events import Checked

WEB, MAIL = "10.0.0.1:80", "10.0.0.1:25"
ONE, TWO, OTHER = (
    destination(*each).key for each in ((WEB, "10.1.0.1:80"), (WEB, "10.1.0.2:80"), (MAIL, "10.1.0.1:25"))
)
WEB_KEY, MAIL_KEY = service_of(ONE), service_of(OTHER)


def verdict(reason: str) -> Checked:
    return verdict_on(virtual(WEB), real("10.1.0.1:80"), Transition(HealthState(), HealthState(up=True)), reason)


FIRST, SECOND = verdict("first"), verdict("second")


def causes_of(*rows: DestinationKey, event: Checked = FIRST) -> Causes:
    causes = Causes()
    causes.add(rows, event)
    return causes


def popped(causes: Causes, scopes: Scopes) -> dict[DestinationKey, Checked]:
    with causes.popped(scopes) as found:
        return dict(found)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ({}, set()),
        ({WEB_KEY: {}}, set()),
        ({WEB_KEY: {ONE: None}}, {ONE}),
        ({WEB_KEY: {ONE: None}, MAIL_KEY: {OTHER: None}}, {ONE, OTHER}),
        ({WEB_KEY: None}, {ONE, TWO}),
        ({WEB_KEY: {TWO: None}, MAIL_KEY: None}, {TWO, OTHER}),
        ({WEB_KEY: None, MAIL_KEY: None}, {ONE, TWO, OTHER}),
    ],
)
def test_the_causes_of_these_rows_are_popped_and_the_others_stay(scopes: Scopes, expected: set[DestinationKey]) -> None:
    causes = causes_of(ONE, TWO, OTHER)
    assert popped(causes, scopes) == dict.fromkeys(expected, FIRST)
    everything: Scopes = {WEB_KEY: None, MAIL_KEY: None}
    assert popped(causes, everything) == dict.fromkeys({ONE, TWO, OTHER} - expected, FIRST)


def test_rows_without_a_cause_have_none() -> None:
    assert popped(causes_of(ONE), {WEB_KEY: {TWO: None}}) == {}
    assert popped(Causes(), {WEB_KEY: None}) == {}


def test_the_last_verdict_counts() -> None:
    causes = causes_of(ONE, TWO)
    causes.add([TWO], SECOND)
    assert popped(causes, {WEB_KEY: None}) == {ONE: FIRST, TWO: SECOND}


def test_a_failure_to_write_puts_the_causes_back_before_those_that_came_since() -> None:
    causes = causes_of(ONE, TWO)
    with pytest.raises(KernelError):
        fail_to_write(causes)
    assert popped(causes, {WEB_KEY: None}) == {ONE: FIRST, TWO: SECOND}


def fail_to_write(causes: Causes) -> None:
    """Pop what a write concerns, and fail, while another verdict comes."""
    with causes.popped({WEB_KEY: None}):
        causes.add([TWO], SECOND)
        raise KernelError("out of reach")


def test_refused_rows_have_their_causes_again() -> None:
    causes = causes_of(ONE, TWO)
    found = popped(causes, {WEB_KEY: None})
    refusals = [Refused(Op(Verb.ADD, destination(WEB, "10.1.0.2:80")), errno.EINVAL, "")]
    causes.put_back_refused(refusals, found)
    assert popped(causes, {WEB_KEY: None}) == {TWO: FIRST}
    causes.put_back_refused(refusals, {})
    causes.put_back_refused([], found)
    assert popped(causes, {WEB_KEY: None}) == {}


def test_the_causes_of_services_that_are_gone_go_too() -> None:
    causes = causes_of(ONE, TWO, OTHER)
    causes.keep({MAIL_KEY})
    assert popped(causes, {WEB_KEY: None, MAIL_KEY: None}) == {OTHER: FIRST}
