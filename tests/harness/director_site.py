"""A director on a kernel in memory, with the lines that it logs; and two virtuals to direct."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from builders import KINDS, config, fallback, real, service_key, virtual
from ldirectord_py.administration import AdministrativeState, Decision, by_identity, entry_of
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import Config, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Row, Service
from ldirectord_py.report.events import Event, Written
from ldirectord_py.report.wording import line

WEB = "10.0.0.1:80"
FOREIGN = Service(service_key("10.9.9.9:80"), "rr")


def destination(site: str | int, server: str, weight: int = 1) -> Destination:
    key = real(server)
    return Destination(DestinationKey(service_key(site), key.server, key.port), ForwardMethod.MASQUERADE, weight)


def administer(director: Director, states: Mapping[int, AdministrativeState]) -> None:
    """Let an operator give these states to servers, by their place in the configuration, and no state to the others."""
    servers = list(director.compiled.reals())
    decision = Decision("alice", 0.0)
    entries = (entry_of(servers[place].virtual, servers[place].real, each, decision) for place, each in states.items())
    director.set_administration(by_identity(entries))


class Site:
    """A director, its kernel, the lines that it logs, and its events of rows that were written."""

    def __init__(self, kernel: MemoryKernel, site: Config) -> None:
        self.kernel = kernel
        self.lines: list[str] = []
        self.written: list[Written] = []
        self.director = Director(kernel, compile_config(site, KINDS), [self._listen])

    def _listen(self, event: Event) -> None:
        text = line(event)
        if text is not None:
            self.lines.append(text)
        if isinstance(event, Written):
            self.written.append(event)

    def clear(self) -> None:
        """Forget what was logged and written."""
        self.lines.clear()
        self.written.clear()
        self.kernel.written.clear()

    @property
    def weights(self) -> dict[str, int]:
        """The destinations of all services but the foreign one, by address and port."""
        rows = self.kernel.table.values()
        return {
            f"{row.key.address}:{row.key.port}": row.weight
            for row in rows
            if isinstance(row, Destination) and row.key.service != FOREIGN.key
        }

    async def check(self, result: Result, *addresses: str) -> None:
        """Pass the result of every check of these addresses (of all, without any) to the director, and reconcile."""
        self.clear()
        for check in self.director.compiled.plan:
            if not addresses or str(check.target.address) in addresses:
                self.director.observe(check, result)
        await self.director.reconcile()

    async def reload(self, *virtuals: Virtual, **settings: object) -> None:
        """Put another configuration in force."""
        self.clear()
        await self.director.reload(compile_config(config(*virtuals, **settings), KINDS))

    async def somebody(self, *ops: Op) -> None:
        """Change the kernel without the director, and let it resync."""
        assert await self.kernel.apply(ops) == []
        self.clear()
        await self.director.reconcile(resync=True)


async def started(*virtuals: Virtual, kernel: Iterable[Row] = (), **settings: object) -> Site:
    site = Site(MemoryKernel([FOREIGN, *kernel]), config(*virtuals, **settings))
    await site.director.start()
    return site


TWO = virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", fallback=fallback("127.0.0.1:80"))
QUIET = virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", quiescent=True)
