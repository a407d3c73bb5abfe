"""A virtual that has not changed from one configuration to the next is the same compiled object."""

from __future__ import annotations

import pytest

from builders import KINDS, config, down, fallback, real, service_key, up, virtual
from ldirectord_py.config.model import CheckType, Config, Forward
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.reconciler.dirty_set import Scopes
from ldirectord_py.desired import VirtualRows, real_key, row_key
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, ServiceKey
from ldirectord_py.plan import plan
from ldirectord_py.report.events import Role

ONE = "10.1.0.1:80"
WEB = ("10.0.0.1:80", ONE, "10.1.0.2:80")
MAIL = ("10.0.0.1:25", "10.1.0.1:25")


def site(scheduler: str = "wrr") -> Config:
    """Return a new configuration of two virtuals; ``scheduler`` is that of the second one."""
    return config(virtual(*WEB, fallback=fallback("127.0.0.1:80")), virtual(*MAIL, scheduler=scheduler))


def same_objects(former: CompiledConfig, new: CompiledConfig) -> list[ServiceKey]:
    """Return the virtuals of which all is the same object."""
    return [key for key in new.virtuals if new.virtuals[key] is former.virtuals.get(key)]


def test_equal_virtuals_are_shared() -> None:
    former = compile_config(site(), KINDS)
    new = compile_config(site(scheduler="rr"), KINDS, former)
    web, mail = new.virtuals
    assert same_objects(former, new) == [web]
    assert new.virtuals[web].virtual is former.virtuals[web].virtual is new.config.virtuals[0]
    assert new.virtuals[mail].virtual.scheduler == "rr"
    assert new == compile_config(site(scheduler="rr"), KINDS)
    plan_of_keys = [(check, tuple(real.key for real in reals)) for check, reals in new.plan.items()]
    assert plan_of_keys == list(plan(site(scheduler="rr"), KINDS).items())


def test_rows_of_servers_that_are_up_are_encoded_once() -> None:
    former = compile_config(site(), KINDS)
    new = compile_config(site(scheduler="rr"), KINDS, former)
    web, mail = new.virtuals
    rows, before = new.encoded_rows([web, mail]), former.encoded_rows([web])
    assert {web, mail, *(real.row for real in new.reals())} == {row.key for row in rows}
    assert all(rows[row] is payload for row, payload in before.items())
    assert new.encoded_rows([]) == {}


def test_other_kinds_of_checks_share_nothing() -> None:
    former = compile_config(site(), KINDS)
    assert same_objects(former, compile_config(site(), dict(KINDS), former)) == []


async def test_a_reload_compares_only_virtuals_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[ServiceKey] = []
    rows = VirtualRows.rows

    def record(rows_of: VirtualRows, *arguments: object, **options: object) -> object:
        compared.append(rows_of.service.key)
        return rows(rows_of, *arguments, **options)  # type: ignore[arg-type]  # passed through

    director = Director(MemoryKernel(), compile_config(site(), KINDS))
    await director.start()
    monkeypatch.setattr(VirtualRows, "rows", record)
    await director.reload(compile_config(site(), KINDS, director.compiled))
    assert compared == []
    new = compile_config(site(scheduler="rr"), KINDS, director.compiled)
    await director.reload(new)
    assert compared == [list(new.virtuals)[1]]


def test_servers_are_found_behind_the_rows_that_they_share() -> None:
    first, second = real("10.1.0.1:81", Forward.GATE), real("10.1.0.1:82", Forward.GATE)
    one = virtual("10.0.0.1:80", first, second, fallback=fallback("10.1.0.1:80"))
    found = compile_config(config(one), KINDS)
    assert found.servers(row_key(one, first)) == (first, second, one.fallback)
    other = virtual("10.0.0.2:80", first)
    assert found.servers(row_key(other, first)) == ()


def test_a_destination_is_a_server_or_the_fallback_or_unknown() -> None:
    shared = virtual("10.0.0.2:80", "10.1.0.1:80", fallback=fallback("10.1.0.1:80"))
    web, mail, other = compile_config(config(*site().virtuals, shared), KINDS).virtuals.values()
    one, sorry = row_key(web.virtual, real(ONE)), row_key(web.virtual, fallback("127.0.0.1:80"))
    assert [web.role(key) for key in (one, sorry, row_key(mail.virtual, real(ONE)))] == [
        *(Role.REAL, Role.FALLBACK, Role.UNKNOWN),
    ]
    assert other.role(row_key(shared, real(ONE))) is Role.REAL
    assert web.affected_rows(one) == (one, sorry)
    key = row_key(mail.virtual, real("10.1.0.1:25"))
    assert mail.affected_rows(key) == (key,)


def test_virtuals_and_servers_are_found_by_their_keys() -> None:
    found = compile_config(site(), KINDS)
    web, mail = found.virtuals
    assert (found.virtual(web), found.virtual(service_key("10.0.0.9:80"))) == (site().virtuals[0], None)
    one = real_key(site().virtuals[0], real(ONE))
    assert found.real(one) is found.virtuals[web].reals[one]
    assert [each.key.service for each in found.reals()] == [web, web, mail]
    with pytest.raises(KeyError):
        found.real(real_key(site().virtuals[0], real("10.1.0.9:80")))
    assert found.servers(one) == (real(ONE),)
    assert found.servers(row_key(site().virtuals[0], real("10.1.0.9:80"))) == ()


def test_the_result_of_a_check_is_that_of_all_servers_that_it_judges() -> None:
    both = config(virtual("10.0.0.1:80", ONE, "10.1.0.2:80"), virtual("10.0.0.2:80", ONE))
    found = compile_config(both, KINDS)
    first, second = found.plan
    one, two = up("one"), down("two")
    keys = [each.key for each in found.reals()]
    assert found.known_results({first: one}) == {keys[0]: one, keys[2]: one}
    assert found.known_results({first: one, second: two}) == {keys[0]: one, keys[1]: two, keys[2]: one}
    assert found.known_results({}) == {}


def test_each_server_has_its_check_and_those_of_a_virtual_without_checks_have_none() -> None:
    checked = virtual(*WEB, checktype=CheckType.NEGOTIATE)
    unchecked = virtual("10.0.0.2:80", ONE, checktype=CheckType.ON)
    found = compile_config(config(checked, unchecked), KINDS)
    by_server = {key: check for each in found.virtuals.values() for key, check in each.checks_by_key().items()}
    assert by_server == {
        **{real.key: check for check, reals in found.plan.items() for real in reals},
        real_key(unchecked, real(ONE)): None,
    }


def test_a_virtual_without_checks_is_in_no_plan() -> None:
    found = compile_config(config(virtual(*WEB, checktype=CheckType.ON)), KINDS)
    assert (dict(found.plan), [each.always_up for each in found.reals()]) == ({}, [True, True])


def test_a_server_that_is_there_twice_has_the_row_of_its_last_line() -> None:
    lines = (real("10.1.0.1:8080", Forward.GATE), real("10.1.0.1:8080"))
    for reals, port in ((lines, 8080), (lines[::-1], 80)):
        (found,) = compile_config(config(virtual("10.0.0.1:80", *reals)), KINDS).reals()
        assert (found.row.port, found.real) == (port, reals[1])


def test_rows_of_services_that_are_not_ours_are_not_encoded() -> None:
    found = compile_config(site(), KINDS)
    _, mail = found.virtuals
    rows = found.encoded_rows([service_key("10.0.0.9:80"), mail])
    assert {row.key.service if isinstance(row, Destination) else row.key for row in rows} == {mail}


def test_services_are_written_in_batches_of_about_so_many_rows() -> None:
    found = compile_config(site(), KINDS)
    web, mail = found.virtuals
    foreign = service_key("10.0.0.9:80")
    one = next(found.reals()).row
    scopes: Scopes = {web: None, mail: None, foreign: None}
    assert [list(each) for each in found.batches(scopes, 1)] == [[web], [mail], [foreign]]
    assert [list(each) for each in found.batches(scopes, 3)] == [[web], [mail, foreign]]
    assert [list(each) for each in found.batches(scopes, 4)] == [[web, mail], [foreign]]
    assert list(found.batches(scopes, 6)) == [scopes]
    assert list(found.batches(scopes, 100)) == [scopes]
    some: Scopes = {web: {one: None}, mail: {}, foreign: {one: None}}
    assert [list(each.items()) for each in found.batches(some, 3)] == [
        [(web, {one: None}), (mail, {})],
        [(foreign, {one: None})],
    ]
    assert list(found.batches({}, 3)) == []
