"""Wherever servers move: the rows they leave have weight 0 as long as they stay, and are removed in the end."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from builders import KINDS, config, fallback, real, service_key, virtual
from ldirectord_py.config.model import CheckType, Config, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.reconciler.draining import COUNT_INTERVAL, MAX_MOVED_TIME
from ldirectord_py.desired import desired
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey

ADDRESSES = [f"10.1.0.{number}:80" for number in range(1, 5)]
SITES = ["10.0.0.1:80", "10.0.0.2:80"]


@st.composite
def virtuals(draw: st.DrawFn, site: str) -> Virtual:
    where = draw(st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=3))
    return virtual(
        site,
        *(real(address, name=f"web{number}") for number, address in enumerate(where)),
        checktype=draw(st.sampled_from([CheckType.ON, CheckType.OFF])),
        quiescent=draw(st.sampled_from([True, True, False])),
        cleanstop=draw(st.booleans()),
        persistent=draw(st.sampled_from([None, 900])),
        drainremoved=draw(st.sampled_from([0, 0, 5, 900])),
        fallback=draw(st.none() | st.sampled_from(ADDRESSES).map(fallback)),
    )


configs = st.lists(st.sampled_from(SITES), unique=True, min_size=1).flatmap(
    lambda sites: st.tuples(*map(virtuals, sites)).map(lambda found: config(*found, readdquiescent=True))
)


class Story:
    """A director, its kernel, and the clock of both."""

    def __init__(self, site: Config) -> None:
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        loop.time = lambda: self.now  # type: ignore[method-assign]
        self.kernel = MemoryKernel()
        self.director = Director(self.kernel, compile_config(site, KINDS))

    async def delete(self, index: int) -> None:
        rows = list(self.kernel.table.values())
        if rows and not self.kernel.broken:
            await self.kernel.apply([Op(Verb.DELETE, rows[index % len(rows)])])

    async def connect(self, index: int) -> None:
        rows = [key for key in self.kernel.table if isinstance(key, DestinationKey)]
        self.kernel.connected = {key: int(number != index) for number, key in enumerate(rows)}

    async def refuse(self, index: int) -> None:
        self.kernel.refusing = dict.fromkeys([*self.kernel.table][index:], errno.ENOMEM)

    async def lose(self, index: int) -> None:
        self.kernel.broken = KernelError("out of reach")

    async def repair(self, index: int = 0) -> None:
        self.kernel.broken, self.kernel.refusing = None, {}

    async def wait(self, index: int) -> None:
        self.now += (1, COUNT_INTERVAL, MAX_MOVED_TIME)[index % 3]
        await self.director.reconcile(resync=index > 5)

    async def rest(self) -> None:
        """Let the kernel be well, and what is due be done."""
        await self.repair()
        await self.director.reconcile(resync=True)


def may_drain(director: Director, row: Destination) -> bool:
    site = director.compiled.virtuals[row.key.service].virtual
    return site.quiescent or site.drainremoved > 0


Act = Callable[[Story, int], Awaitable[None]]
ACTS: list[Act] = [Story.delete, Story.connect, Story.refuse, Story.lose, Story.repair, Story.wait]


@given(site=configs, steps=st.lists(configs | st.tuples(st.sampled_from(ACTS), st.integers(0, 9)), max_size=25))
def test_what_is_left_behind_has_no_weight_and_goes(site: Config, steps: list[Config | tuple[Act, int]]) -> None:
    async def play() -> None:
        story = Story(site)
        kernel, director = story.kernel, story.director
        await director.start()
        for step in steps:
            if isinstance(step, Config):
                await director.reload(compile_config(step, KINDS))
            else:
                act, index = step
                await act(story, index)
        await story.rest()
        wanted = desired(director.compiled.config, director.health, {})
        ours = {service_key(text) for text in SITES} & director.compiled.virtuals.keys()
        held = {key: row for key, row in kernel.table.items() if getattr(key, "service", key) in ours}
        assert {key: row for key, row in held.items() if key in wanted} == wanted
        left = [row for key, row in held.items() if key not in wanted and isinstance(row, Destination)]
        assert all(row.weight == 0 and may_drain(director, row) for row in left)
        kernel.connected = {}
        story.now += COUNT_INTERVAL
        await story.rest()
        assert {key: row for key, row in kernel.table.items() if getattr(key, "service", key) in ours} == wanted
        kernel.written.clear()
        story.now += COUNT_INTERVAL
        await story.rest()
        assert kernel.written == []

    asyncio.run(play())
