"""Whatever happens, in whatever order: once it is quiet, the kernel holds what configuration and health ask for."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from builders import KINDS, config, down, fallback, real, service_key, up, virtual
from ldirectord_py.administration import AdministrativeState, Decision, by_identity, entry_of
from ldirectord_py.config.model import Config, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.desired import desired
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, Row, Service

FOREIGN: tuple[Row, ...] = (Service(service_key("10.9.9.9:80"), "rr"),)
SERVERS = [f"10.1.0.{number}:80" for number in range(1, 5)]


@st.composite
def virtuals(draw: st.DrawFn, site: str) -> Virtual:
    names = draw(st.lists(st.sampled_from(SERVERS), unique=True, max_size=4))
    return virtual(
        site,
        *(real(name, weight=draw(st.integers(1, 3))) for name in names),
        quiescent=draw(st.booleans()),
        failurecount=draw(st.integers(1, 2)),
        successcount=draw(st.integers(1, 2)),
        flapthreshold=draw(st.none() | st.integers(2, 3)),
        flapwindow=draw(st.sampled_from([0.1, 1e9])),
        panic=draw(st.none() | st.integers(1, 100)),
        slowstart=draw(st.none() | st.just(1e9)),
        scheduler=draw(st.sampled_from(["rr", "wrr"])),
        fallback=draw(st.none() | st.just(fallback("127.0.0.1:80"))),
    )


configs = st.builds(
    lambda first, second: config(*(each for each in (first, second) if each), readdquiescent=True),
    virtuals("10.0.0.1:80"),
    st.none() | virtuals("10.0.0.2:80"),
)

Action = tuple[Callable[..., Awaitable[None]], dict[str, Any]]


async def _result(director: Director, kernel: MemoryKernel, *, passed: bool, index: int) -> None:
    checks = list(director.compiled.plan)
    if checks:
        director.observe(checks[index % len(checks)], up() if passed else down())


async def _delete(director: Director, kernel: MemoryKernel, *, index: int) -> None:
    rows = [row for row in kernel.table.values() if row not in FOREIGN]
    if rows and not kernel.broken:
        await kernel.apply([Op(Verb.DELETE, rows[index % len(rows)])])


async def _refuse(director: Director, kernel: MemoryKernel, *, error: int) -> None:
    kernel.refusing = dict.fromkeys(kernel.table, error)


async def _break(director: Director, kernel: MemoryKernel) -> None:
    kernel.broken = KernelError("out of reach")


async def _repair(director: Director, kernel: MemoryKernel) -> None:
    kernel.broken, kernel.refusing = None, {}


async def _reload(director: Director, kernel: MemoryKernel, *, site: Config) -> None:
    await director.reload(compile_config(site, KINDS))


async def _reconcile(director: Director, kernel: MemoryKernel, *, resync: bool) -> None:
    await director.reconcile(resync=resync)


async def _maintain(director: Director, kernel: MemoryKernel, *, chosen: set[int]) -> None:
    director.set_maintenance({real.key for index, real in enumerate(director.compiled.reals()) if index in chosen})


async def _administer(director: Director, kernel: MemoryKernel, *, states: dict[int, AdministrativeState]) -> None:
    servers = list(director.compiled.reals())
    director.set_administration(
        by_identity(
            entry_of(servers[index].virtual, servers[index].real, state, Decision("alice", 0.0))
            for index, state in states.items()
            if index < len(servers)
        )
    )


administration = st.dictionaries(
    st.integers(0, 7), st.sampled_from([AdministrativeState.DRAIN, AdministrativeState.DISABLED])
)
actions = st.one_of(
    st.tuples(st.just(_result), st.fixed_dictionaries({"passed": st.booleans(), "index": st.integers(0, 7)})),
    st.tuples(st.just(_reconcile), st.fixed_dictionaries({"resync": st.booleans()})),
    st.tuples(st.just(_delete), st.fixed_dictionaries({"index": st.integers(0, 7)})),
    st.tuples(st.just(_refuse), st.fixed_dictionaries({"error": st.sampled_from([errno.ENOENT, errno.ENOMEM])})),
    st.tuples(st.just(_break), st.just({})),
    st.tuples(st.just(_repair), st.just({})),
    st.tuples(st.just(_maintain), st.fixed_dictionaries({"chosen": st.sets(st.integers(0, 7))})),
    st.tuples(st.just(_administer), st.fixed_dictionaries({"states": administration})),
    st.tuples(st.just(_reload), st.fixed_dictionaries({"site": configs})),
)


async def _play(kernel: MemoryKernel, site: Config, story: list[Action]) -> Director:
    """Run a director through the story, and then reconcile it with a kernel that works."""
    director = Director(kernel, compile_config(site, KINDS))
    await director.start()
    for action, details in story:
        await action(director, kernel, **details)
    await _repair(director, kernel)
    await director.reconcile(resync=True)
    return director


@given(site=configs, story=st.lists(actions, max_size=25))
def test_the_kernel_ends_up_with_what_is_desired(site: Config, story: list[Action]) -> None:
    async def play() -> None:
        kernel = MemoryKernel(FOREIGN)
        director = await _play(kernel, site, story)
        tracker = director.tracker
        administration, tenths = tracker.table.administration, tracker.slow_starts.tenths
        wanted = desired(director.compiled.config, director.health, {}, administration, tenths)
        assert not [key for key in director.maintained & director.health.keys() if director.health[key].up]
        left = {key: row for key, row in kernel.table.items() if key in director.sync.left}
        assert not [row for row in left.values() if isinstance(row, Destination) and row.weight]
        assert dict(kernel.table) == {row.key: row for row in FOREIGN} | left | dict(wanted)
        kernel.written.clear()
        await director.reconcile(resync=True)
        assert kernel.written == []
        await director.stop()
        assert list(kernel.table.values()) == list(FOREIGN)

    asyncio.run(play())


def _weight(op: Op) -> int:
    return op.row.weight if isinstance(op.row, Destination) and op.verb is not Verb.DELETE else 0


@given(site=configs, story=st.lists(actions, max_size=15), later=configs)
def test_a_reload_or_restart_never_takes_weight_from_a_server_that_stays_up(
    site: Config, story: list[Action], later: Config
) -> None:
    async def play() -> None:
        kernel = MemoryKernel(FOREIGN)
        director = await _play(kernel, site, story)
        up_before = {key for key, state in director.health.items() if state.up and key not in director.administered}
        kernel.written.clear()
        await director.reload(compile_config(later, KINDS))
        successor = Director(kernel, compile_config(later, KINDS))
        successor.set_administration(director.entries)
        await successor.start()
        administered = director.administered
        assert not [op.row for op in kernel.written if op.row.key in administered and _weight(op) > 0]
        lowered = {
            op.row.key
            for op in kernel.written
            if isinstance(op.row, Destination) and (op.verb is Verb.DELETE or op.row.weight == 0)
        }
        assert not lowered & up_before & director.health.keys()
        assert not [op for op in kernel.written if op.verb is Verb.DELETE and op.row.key in director.compiled.virtuals]

    asyncio.run(play())
