"""``python -m harness.pictures.director CONFIG run --memory-kernel``: a director whose table is in use.

The kernel in memory counts no connections, and nobody else edits it: this one invents both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from random import Random

from ldirectord_py.cli import main
from ldirectord_py.cli.invocation import memory_kernel
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination, DestinationKey, ServiceKey, Table, Usage

EDIT_VARIABLE = "PICTURES_EDIT"
"""Names a file with the address of a server and the weight that somebody gives it by hand, once the file is there."""

CONNECTIONS_PER_WEIGHT = 60


class BusyKernel(memory_kernel.PrintingKernel):
    """A table with connections, in which somebody changes a weight. Its state: the table, and the numbers to come."""

    def __init__(self) -> None:
        super().__init__()
        self._edit = Path(os.environ[EDIT_VARIABLE])
        self._random = Random(1)  # noqa: S311  the same numbers in each run

    async def read(self) -> Table:
        """Change the weight if it is time, and return the table."""
        if self._edit.exists():
            address, weight = self._edit.read_text().split()
            for row in list(self.table.values()):
                if isinstance(row, Destination) and str(row.key.address) == address:
                    self._execute(Op(Verb.EDIT, row._replace(weight=int(weight))))
            self._edit.unlink()
        return await super().read()

    async def usage(self, services: Collection[ServiceKey]) -> Mapping[DestinationKey, Usage]:
        """Return the weights, and connections in proportion to them."""
        used = await super().usage(services)
        return {key: self._with_clients(row.weight) for key, row in used.items()}

    def _with_clients(self, weight: int) -> Usage:
        active = round(max(weight, 0.1) * CONNECTIONS_PER_WEIGHT * self._random.uniform(0.9, 1.1))
        return Usage(weight, active, active // 5)


memory_kernel.PrintingKernel = BusyKernel  # type: ignore[misc]

if __name__ == "__main__":
    sys.exit(main())
