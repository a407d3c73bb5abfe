"""The two configurations ask for the two tables, which differ in a thousand rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab.thousand_changes import SIDES, VIRTUALS, WEB_VIPS, Side, changes_done, configuration, marked_table
from ldirectord_py.config.load import load
from ldirectord_py.desired import desired, real_key
from ldirectord_py.health import HealthState
from ldirectord_py.ipvs.diff import Verb, diff
from ldirectord_py.ipvs.table import Destination, Service, kept

WEBS = dict(zip(WEB_VIPS, ("10.9.1.11", "10.9.1.12"), strict=True))
BEFORE, AFTER = (marked_table(side, WEBS) for side in SIDES)


@pytest.mark.parametrize("side", SIDES)
def test_a_configuration_asks_for_its_table_and_leaves_the_marks(side: Side, tmp_path: Path) -> None:
    path = tmp_path / "lab.cf"
    path.write_text(configuration(side, WEBS))
    config = load(path).config
    health = {real_key(virtual, real): HealthState(up=True) for virtual in config.virtuals for real in virtual.reals}
    table = marked_table(side, WEBS)
    assert {key: kept(row, table[key]) for key, row in desired(config, health, {}).items()} == table


def test_there_are_a_thousand_changes_of_every_kind() -> None:
    ops = diff(BEFORE, AFTER)
    assert len(ops) == len(diff(AFTER, BEFORE)) > 1000
    assert [op.verb for op in ops if isinstance(op.row, Service)] == [Verb.EDIT] * VIRTUALS
    assert {op.verb for op in ops if isinstance(op.row, Destination)} == {*Verb}


def test_the_rows_that_were_changed_are_counted() -> None:
    differing = [key for key in {**BEFORE, **AFTER} if BEFORE.get(key) != AFTER.get(key)]
    assert (changes_done(BEFORE, AFTER, BEFORE), changes_done(BEFORE, AFTER, AFTER)) == (0, len(differing))
    key = next(key for key in differing if key in BEFORE and key in AFTER)
    assert changes_done(BEFORE, AFTER, {**BEFORE, key: AFTER[key]}) == 1


def test_a_row_that_was_lost_is_found() -> None:
    key = next(iter(BEFORE.keys() & AFTER.keys()))
    with pytest.raises(AssertionError):
        changes_done(BEFORE, AFTER, {other: row for other, row in BEFORE.items() if other != key})
