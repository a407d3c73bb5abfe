"""The simulated kernel: the table of ``run --memory-kernel``, which also takes its time, refuses, and loses answers."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, DestinationKey, EncodedRows, Key, Row, ServiceKey, Table, Usage
from simulation.clock import CLOCK

if TYPE_CHECKING:
    from simulation.world import World

BACKOFF_TIME: Final = 34.0
"""Seconds in which a call that failed is tried again at the latest."""

BATCH: Final = 16
"""Ops after which other callbacks run, and after which the process may be killed."""


class SimulatedKernel(MemoryKernel):
    """Its state, besides that of MemoryKernel: how long a call takes, and the faults of the calls from now on.

    ``lost_answers``: so many calls are done without an answer, ``lost_requests``: so many writes are not done;
    ``busy``: the errno of so many further ops; ``without_scheduler``: the services whose scheduler is not found;
    ``changes``: how often the table was changed; ``write_began``: when the last write began, whose ops may take long.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.delay = 0.0005
        self.lost_answers = self.lost_requests = 0
        self.busy: list[int] = []
        self.without_scheduler: set[ServiceKey] = set()
        self.changes = 0
        self.write_began = 0.0

    async def read(self) -> Table:
        await self._take_time()
        table = await super().read()
        self._lose_answer()
        return table

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        refused: list[Refused] = []
        self.write_began = CLOCK.now
        if self.lost_requests:
            self.lost_requests -= 1
            self._lose()
        for begin in range(0, len(ops), BATCH):
            await self._take_time()
            refused += await super().apply(ops[begin : begin + BATCH], encoded)
        self._lose_answer()
        return refused

    async def usage(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, Usage]:
        await self._take_time()
        return await super().usage(services)

    def row(self, key: Key) -> Row | None:
        """Return a row."""
        if isinstance(key, DestinationKey):
            held = self._services.get(key.service)
            return held.destinations.get(key) if held else None
        service = self._services.get(key)
        return service.row if service else None

    def rows(self, service: ServiceKey) -> dict[Key, Row]:
        """Return the rows of a service."""
        found: dict[Key, Row] = {}
        if held := self._services.get(service):
            found[service] = held.row
            found |= {row.key: row for row in held.destinations.values()}
        return found

    @property
    def services(self) -> Collection[ServiceKey]:
        """The services."""
        return self._services.keys()

    # What others do to the table.

    def change(self, op: Op) -> None:
        """Do what somebody else does with ipvsadm, if it can be done."""
        self.changes += 1
        if not self._row_error(op):
            self._execute(op)

    def clear(self, services: Iterable[ServiceKey]) -> None:
        """Remove these services, as ``ipvsadm -C`` does."""
        self.changes += 1
        for key in list(services):
            self._services.pop(key, None)

    async def _take_time(self) -> None:
        await self.world.pause(self.delay)
        if self.broken:
            self.world.hit("F20")
            self.world.disturb_kernel(BACKOFF_TIME)

    def _lose_answer(self) -> None:
        if self.lost_answers:
            self.lost_answers -= 1
            self._lose()

    def _lose(self) -> None:
        self.world.hit("F19")
        self.world.disturb_kernel(BACKOFF_TIME)
        self.world.checks.on_lost_answer()
        raise KernelError("the kernel does not answer")

    def _try(self, op: Op) -> int:
        before = self.row(op.row.key)
        if op.row.key in self.without_scheduler and op.verb is not Verb.DELETE:
            self.world.hit("F21")
            error = errno.ENOENT
        else:
            error = self.busy.pop() if self.busy else super()._try(op)
        if error and error in (self.refusing.get(op.row.key), errno.EBUSY, errno.ENOMEM, errno.EINTR):
            self.world.hit("F18")
            self.world.disturb_kernel(BACKOFF_TIME)
        self.changes += not error
        self.world.checks.on_op(op, before, error)
        self.written.clear()
        return error
