"""Leftover, without a resolver: which rows may belong to a name without an address, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from builders import KINDS, config, fallback, real, virtual
from harness.director_site import WEB, destination
from ldirectord_py.config.model import Fallback, Real, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.leftover import Leftover
from ldirectord_py.ipvs.table import Destination, DestinationKey, Row, Service, ServiceKey, Table
from ldirectord_py.report.events import Unresolved

MAIL = "10.0.0.1:25"
ONE, TWO, THREE = "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80"
FIRST, SECOND, THIRD = (destination(WEB, each, weight) for each, weight in ((ONE, 3), (TWO, 4), (THREE, 5)))
LETTER = destination(MAIL, "10.1.0.1:25", 6)
KEY, MAIL_KEY = FIRST.key.service, LETTER.key.service
WEB1, WEB2 = real("0.0.0.0:80", name="web1"), real("0.0.0.0:80", name="web2", request="/other")
MAIL1, SORRY = real("0.0.0.0:25", name="mail1"), fallback("0.0.0.0:80")
HELD = Service(KEY, "wrr")


def web(*servers: str, unresolved: tuple[Real | Fallback, ...] = (WEB1,), **directives: Any) -> Virtual:
    return virtual(WEB, *servers, unresolved=unresolved, **directives)


def compiled(*virtuals: Virtual, former: CompiledConfig | None = None) -> CompiledConfig:
    return compile_config(config(*virtuals), KINDS, former)


class Place:
    """A kernel's rows, what may be left over, and what was told of it."""

    def __init__(self, *rows: Row) -> None:
        self.leftover = Leftover()
        self.events: list[Unresolved] = []
        self.hold(*rows)

    def hold(self, *rows: Row) -> None:
        self.held = {row.key: row for row in rows}

    def rows_of(self, service: ServiceKey) -> Table:
        return {key: row for key, row in self.held.items() if service in (key, getattr(key, "service", None))}

    def adopt(self, former: CompiledConfig, new: CompiledConfig | None = None) -> CompiledConfig:
        """Adopt a configuration as a start does, or a ``new`` one as a reload does."""
        self.events.clear()
        return self.leftover.adopt(former, new or former, self.rows_of, self.events.append)


def servers(found: CompiledConfig) -> dict[DestinationKey, int]:
    """Return the weight of each real server."""
    return {each.row: each.real.weight for each in found.reals()}


def test_a_row_becomes_the_server_of_the_only_name_that_has_no_address() -> None:
    place = Place(HELD, FIRST, SECOND)
    found = place.adopt(compiled(web(TWO)))
    assert servers(found) == {FIRST.key: 3, SECOND.key: 1}
    assert place.leftover.kept == frozenset()
    assert place.events == [Unresolved(found.virtuals[KEY].virtual, ("web1",), (FIRST.key,), ())]


def test_rows_of_which_it_is_not_clear_how_to_check_them_are_kept_as_they_are() -> None:
    place = Place(HELD, THIRD, FIRST, SECOND)
    before = compiled(web(TWO, unresolved=(WEB1, WEB2)))
    found = place.adopt(before)
    assert found == before
    assert place.leftover.kept == {FIRST.key, THIRD.key}
    assert place.events == [
        Unresolved(before.virtuals[KEY].virtual, ("web1", "web2"), (), (FIRST.key, THIRD.key)),
    ]
    assert place.leftover.rows([KEY], place.rows_of) == {FIRST.key: FIRST, THIRD.key: THIRD}
    assert place.leftover.rows([MAIL_KEY], place.rows_of) == {}
    assert place.leftover.exclude(place.held) == {KEY: HELD, SECOND.key: SECOND}
    place.hold(HELD, FIRST._replace(weight=9))
    assert place.leftover.rows([KEY], place.rows_of) == {FIRST.key: FIRST._replace(weight=9)}


def test_where_every_name_has_an_address_nothing_is_left_over() -> None:
    place = Place(HELD, FIRST)
    before = compiled(web(TWO, unresolved=()))
    assert place.adopt(before) is before
    assert (place.leftover.kept, place.events) == (frozenset(), [])
    assert place.leftover.exclude(place.held) == place.held
    assert place.leftover.rows([KEY], place.rows_of) == {}


def test_no_row_is_left_over_where_the_kernel_has_only_our_own() -> None:
    place = Place(HELD, SECOND)
    before = compiled(web(TWO))
    assert place.adopt(before) is before
    assert place.events == []


def test_an_event_comes_once_and_again_when_the_rows_change() -> None:
    place, before = Place(HELD, FIRST), compiled(web(TWO))
    found = place.adopt(before)
    assert len(place.events) == 1
    found = place.adopt(found, compiled(web(TWO, failurecount=2)))
    assert place.events == []
    place.hold(HELD, FIRST, THIRD)
    found = place.adopt(found, compiled(web(TWO)))
    assert [each.checked for each in place.events] == [(FIRST.key, THIRD.key)]
    found = place.adopt(found, compiled(web(TWO, unresolved=())))
    assert place.events == []
    found = place.adopt(found, compiled(web(TWO)))
    assert [each.checked for each in place.events] == [(FIRST.key, THIRD.key)]


def test_the_events_of_virtuals_are_apart() -> None:
    place = Place(HELD, FIRST, Service(MAIL_KEY, "wrr"), LETTER)
    place.adopt(compiled(web(TWO), virtual(MAIL, unresolved=(MAIL1, MAIL1._replace(request="/other")))))
    told = {(each.virtual.key, each.names): (each.checked, each.unchecked) for each in place.events}
    assert told == {
        (KEY, ("web1",)): ((FIRST.key,), ()),
        (MAIL_KEY, ("mail1", "mail1")): ((), (LETTER.key,)),
    }


@pytest.mark.parametrize(
    ("former", "is_left_over"),
    [
        (web(ONE, TWO, unresolved=()), True),  # web1 is new: it may be the new name of this server
        (web(ONE, TWO), False),
        (web(TWO), True),
        (web(ONE, TWO, unresolved=(SORRY,)), True),
        (virtual(MAIL), True),
    ],
)
def test_the_row_of_another_server_is_left_over_only_for_a_new_name(former: Virtual, is_left_over: bool) -> None:
    place = Place(HELD, FIRST, SECOND)
    found = place.adopt(compiled(former), compiled(web(TWO)))
    assert servers(found) == ({FIRST.key: 3} if is_left_over else {}) | {SECOND.key: 1}


@pytest.mark.parametrize(
    ("row", "weight"), [(None, 3), (FIRST._replace(weight=0), 3), (FIRST._replace(weight=1), 1), (FIRST, 3)]
)
def test_a_server_of_such_a_row_stays_over_a_reload_though_it_is_down(row: Destination | None, weight: int) -> None:
    place = Place(HELD, FIRST, Service(MAIL_KEY, "wrr"), LETTER)
    mail = virtual(MAIL, unresolved=(MAIL1,))
    found = place.adopt(compiled(web(TWO), mail))
    place.hold(*[each for each in (HELD, row, Service(MAIL_KEY, "wrr")) if each])
    found = place.adopt(found, compiled(web(TWO, failurecount=2), mail))
    assert servers(found) == {FIRST.key: weight, SECOND.key: 1, LETTER.key: 6}
    assert place.leftover.kept == frozenset()


def test_a_kept_row_stays_kept_over_reloads() -> None:
    place = Place(HELD, FIRST)
    found = place.adopt(compiled(web(TWO, unresolved=(WEB1, WEB2))))
    place.adopt(found, compiled(web(TWO, unresolved=(WEB1, WEB2), failurecount=2)))
    assert place.leftover.kept == {FIRST.key}
    place.adopt(found, compiled(web(TWO, ONE, unresolved=(WEB1, WEB2))))
    assert place.leftover.kept == frozenset()


def test_the_only_row_is_that_of_the_fallback_and_stays_over_a_reload() -> None:
    place = Place(HELD, FIRST._replace(weight=1))
    found = place.adopt(compiled(web(TWO, unresolved=(SORRY,))))
    assert found.virtuals[KEY].virtual.fallback == fallback(ONE)
    assert place.events == [Unresolved(found.virtuals[KEY].virtual, ("the fallback",), (FIRST.key,), ())]
    place.hold(HELD)
    found = place.adopt(found, compiled(web(TWO, unresolved=(SORRY,), failurecount=2)))
    assert found.virtuals[KEY].virtual.fallback == fallback(ONE)


def test_a_virtual_that_is_as_before_is_the_same_object_and_so_are_the_others() -> None:
    place = Place(HELD, FIRST)
    mail = virtual(MAIL, "10.1.0.1:25")
    former = place.adopt(compiled(web(TWO), mail))
    new = compiled(web(TWO), mail, former=former)
    found = place.adopt(former, new)
    assert found.virtuals[KEY] is former.virtuals[KEY]
    assert found.virtuals[MAIL_KEY] is new.virtuals[MAIL_KEY]
    assert found.config.virtuals == tuple(each.virtual for each in found.virtuals.values())
