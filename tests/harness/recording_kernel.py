"""A kernel in memory that records how it is called."""

from __future__ import annotations

from collections.abc import Sequence

from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows


class RecordingKernel(MemoryKernel):
    """Keeps the encoded rows that it was given last."""

    encoded: EncodedRows | None = None

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        """Do the ops."""
        self.encoded = encoded
        return await super().apply(ops, encoded)
