"""Only the destinations that a change concerns are compared, and the kernel has what a whole comparison would give."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from builders import KINDS, config, down, fallback, real, service_key, up, virtual
from ldirectord_py.config.model import Forward, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.reconciler.dirty_set import DirtySet, covers
from ldirectord_py.daemon.reconciler.mirror import Mirror
from ldirectord_py.desired import desired, real_key
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey

WEB, MAIL, OTHER = map(service_key, ("10.0.0.1:80", "10.0.0.1:25", "10.0.0.2:80"))
SERVERS = [f"10.1.0.{host}:{port}" for host in (1, 2, 3) for port in (80, 81)]
"""Those of one address share a row when they are reached by gate."""


@st.composite
def virtuals(draw: st.DrawFn, site: str) -> Virtual:
    names = draw(st.lists(st.sampled_from(SERVERS), unique=True, min_size=1, max_size=6))
    forwards = st.sampled_from([Forward.MASQ, Forward.GATE])
    sorry = st.sampled_from(["127.0.0.1:80", "10.1.0.1:80"]).map(fallback)
    return virtual(
        site,
        *(real(name, draw(forwards), weight=draw(st.integers(0, 2))) for name in names),
        quiescent=draw(st.booleans()),
        failurecount=draw(st.integers(1, 2)),
        fallback=draw(st.none() | sorry),
    )


Step = tuple[int, bool, int | None]
steps = st.lists(st.tuples(st.integers(0, 11), st.booleans(), st.none() | st.integers(0, 3)), max_size=20)
"""The index of a check, whether it passes, and the weight that somebody sets by hand on some row before, if any."""


@given(virtuals("10.0.0.1:80"), virtuals("10.0.0.1:25"), steps)
def test_what_changed_alone_is_written_and_the_whole_is_right(web: Virtual, mail: Virtual, story: list[Step]) -> None:
    async def play() -> None:
        kernel = MemoryKernel()
        director = Director(kernel, compile_config(config(web, mail), KINDS))
        await director.start()
        checks = list(director.compiled.plan)
        for index, passes, weight in story:
            if weight is not None:
                await edit(kernel, index, weight)
                await director.reconcile(resync=True)
            director.observe(checks[index % len(checks)], up() if passes else down())
            await director.reconcile()
            assert dict(kernel.table) == desired(
                director.compiled.config, director.health, director.sync.manual_edits.weights
            )
            for site in (web, mail):
                out = not any(director.health[real_key(site, each)].up for each in site.reals)
                assert director.tracker.table.all_down(site.key) is out

    asyncio.run(play())


async def edit(kernel: MemoryKernel, index: int, weight: int) -> None:
    rows = [row for row in kernel.table.values() if isinstance(row, Destination)]
    if rows:
        row = rows[index % len(rows)]
        await kernel.apply([Op(Verb.EDIT, Destination(row.key, row.forward, weight))])


def key(number: int) -> DestinationKey:
    each = real(f"10.1.0.{number}:80")
    return DestinationKey(WEB, each.server, each.port)


def test_the_whole_of_a_service_is_more_than_some_of_it() -> None:
    changes = DirtySet()
    changes.mark(WEB, [key(1)])
    changes.mark(WEB, [key(2)])
    assert changes.pop_all() == {WEB: {key(1): None, key(2): None}}
    changes.mark(WEB, [key(1)])
    changes.mark_all([WEB, MAIL])
    changes.mark(WEB, [key(2)])
    changes.discard(MAIL)
    changes.discard(MAIL)
    assert changes.pop_all() == {WEB: None}
    assert changes.pop_all() == {}


def test_what_could_not_be_written_is_marked_again_before_what_came_since() -> None:
    changes = DirtySet()
    changes.mark(WEB, [key(1)])
    changes.mark_all([MAIL])
    marks = changes.pop_all()
    changes.mark(MAIL, [key(3)])
    changes.mark(WEB, [key(2)])
    changes.mark_all([OTHER])
    changes.put_back(marks)
    assert list(changes) == [WEB, MAIL, OTHER]
    assert changes.pop_all() == {WEB: {key(1): None, key(2): None}, MAIL: None, OTHER: None}
    changes.mark_all([WEB])
    changes.put_back({WEB: {key(1): None}})
    assert changes.pop_all() == {WEB: None}


def test_a_scope_covers_its_service_and_its_destinations() -> None:
    assert [covers({WEB: {key(1): None}}, each) for each in (WEB, key(1), key(2), MAIL)] == [True, True, False, False]
    assert [covers({WEB: None}, each) for each in (WEB, key(1), MAIL)] == [True, True, False]


async def test_a_service_that_the_kernel_does_not_hold_is_written_whole() -> None:
    kernel = MemoryKernel()
    director = Director(kernel, compile_config(config(virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80")), KINDS))
    await director.start()
    for check in director.compiled.plan:
        director.observe(check, up())
    await director.reconcile()
    mirror = Mirror(kernel)
    await mirror.read([WEB])
    row = mirror.rows(WEB)[key(1)]
    director.sync._mirror = Mirror(empty := MemoryKernel())
    first, *_ = director.compiled.plan
    director.observe(first, down())
    await director.reconcile()
    assert row.key not in empty.table
    assert [key(2)] == [each for each in empty.table if isinstance(each, DestinationKey)]
