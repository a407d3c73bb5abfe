"""A virtual that has not changed from one configuration to the next is the same compiled object."""

from __future__ import annotations

import pytest

from builders import KINDS, config, fallback, real, virtual
from ldirectord_py.config.model import Config, Forward
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.desired import VirtualRows, row_key
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import ServiceKey
from ldirectord_py.plan import plan

WEB = ("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80")
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
