"""A real server as the daemon works with it: one object for what a configuration says of it, and its row."""

from __future__ import annotations

from typing import NamedTuple

from ldirectord_py.config.model import CheckType, Real, Virtual
from ldirectord_py.health import Rules
from ldirectord_py.ipvs.table import Destination, DestinationKey


class CompiledReal(NamedTuple):
    """A real server of a virtual: its ``key`` in the configuration, and its row in the kernel while it is up.

    ``rules`` say how many verdicts in a row change its state.
    """

    key: DestinationKey
    row_up: Destination
    virtual: Virtual
    real: Real
    rules: Rules

    @property
    def row(self) -> DestinationKey:
        """The key of its row in the kernel."""
        return self.row_up.key

    @property
    def always_up(self) -> bool:
        """Whether the server counts as up without a check."""
        return self.virtual.checktype is CheckType.ON
