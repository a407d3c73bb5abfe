"""Which changes by others are accepted and which are repaired, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contract.kernel_cases import real, service, table
from ldirectord_py.daemon.reconciler.drift import drift
from ldirectord_py.ipvs.table import DestinationKey, ForwardMethod, Row, Table, Tunnel
from ldirectord_py.report.events import Drifted

ONE, QUIET = real("10.1.0.1", 5), real("10.1.0.2", 0)
WRAPPED = ONE._replace(tunnel=Tunnel(1, 6080))
OPEN, SIP = replace(service(), any_engine=True), replace(service(), engine="sip")


def events(
    before: Table, found: Table, wanted: Table | None = None, *, readd: bool = False, administered: Row | None = None
) -> list[Drifted]:
    fixed = () if administered is None else (administered.key,)
    wanted = before if wanted is None else wanted
    return list(drift(before, found, wanted, readd_quiescent=readd, administered=fixed))


@pytest.mark.parametrize(
    ("before", "found", "repaired"),
    [
        (ONE, ONE._replace(weight=7), False),
        (ONE, ONE._replace(weight=0), False),
        (ONE, WRAPPED, False),
        (ONE, WRAPPED._replace(weight=7), False),
        (QUIET, None, False),
        (ONE, None, True),
        (real("10.1.0.1", 1), None, True),
        (ONE, ONE._replace(upper=9), True),
        (ONE, ONE._replace(weight=7, forward=ForwardMethod.ROUTE), True),
        (OPEN, SIP, False),
        (service(), SIP, True),
        (OPEN, replace(SIP, scheduler="rr"), True),
        (OPEN, service(scheduler="rr"), True),
    ],
)
def test_a_row_that_somebody_changed(before: Row, found: Row | None, repaired: bool) -> None:
    changed = table(*(row for row in (found,) if row is not None))
    assert events(table(before), changed) == [Drifted(before, found, repaired=repaired)]


@pytest.mark.parametrize(
    ("before", "found", "repaired"),
    [(ONE, ONE._replace(weight=7), True), (ONE, WRAPPED, False), (QUIET, None, True), (OPEN, SIP, False)],
)
def test_the_weight_and_the_removal_of_an_administered_row_are_repaired(
    before: Row, found: Row | None, repaired: bool
) -> None:
    changed = table(*(row for row in (found,) if row is not None))
    assert events(table(before), changed, administered=before) == [Drifted(before, found, repaired=repaired)]


def test_readdquiescent_repairs_a_removal_and_accepts_a_weight() -> None:
    assert events(table(QUIET), {}, readd=True) == [Drifted(QUIET, None, repaired=True)]
    assert events(table(ONE), table(ONE._replace(weight=7)), readd=True) == [
        Drifted(ONE, ONE._replace(weight=7), repaired=False)
    ]


@pytest.mark.parametrize("wanted", [table(), table(ONE._replace(weight=0)), table(ONE._replace(upper=9))])
def test_nothing_is_accepted_of_a_row_that_is_to_be_another(wanted: Table) -> None:
    found = ONE._replace(weight=7)
    assert events(table(ONE), table(found), wanted) == [Drifted(ONE, found, repaired=True)]


def test_a_row_with_a_tunnel_of_its_own_is_what_is_wanted() -> None:
    found = WRAPPED._replace(weight=7)
    assert events(table(WRAPPED), table(found), table(ONE)) == [Drifted(WRAPPED, found, repaired=False)]


def test_a_strange_row_is_removed_and_the_same_rows_are_nothing() -> None:
    before = table(service(), ONE, QUIET)
    assert events(before, before) == []
    assert events(before, {**before, **table(real("10.1.0.9"))}) == [Drifted(None, real("10.1.0.9"), repaired=True)]


def test_a_service_that_is_gone_is_all_that_is_told() -> None:
    before = table(ONE, QUIET, service())
    assert events(before, {}) == [Drifted(service(), None, repaired=True)]
    assert events(before, table(ONE, QUIET, real("10.1.0.9"))) == [Drifted(service(), None, repaired=True)]
    assert isinstance(next(iter(before)), DestinationKey)
