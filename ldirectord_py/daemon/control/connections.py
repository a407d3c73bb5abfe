"""``connections``: how many connections real servers have, also such as the configuration has no longer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ldirectord_py.address import bracketed
from ldirectord_py.config.model import virtual_id
from ldirectord_py.control.protocol import Answer, Code, ControlRequest, RequestError
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.daemon.control.servers.kernel_usage import KernelReading
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey

MAX_SERVERS: Final = 500
"""Servers in a request."""


async def connections(context: Context, request: ControlRequest) -> Answer:
    """Return the connections and the weight of ``servers``, each a virtual's id and an address: ``VIRTUAL/REAL``."""
    wanted = request.texts("servers")
    if not 0 < len(wanted) <= MAX_SERVERS:
        raise RequestError(Code.BAD_REQUEST, f"servers has to have 1 to {MAX_SERVERS} servers")
    reading = await context.usage.read()
    director = context.director
    rows = _rows(director.compiled, reading, director.sync.left, wanted)
    return {
        "error": reading.error,
        "servers": [_usage_fields(server, rows.get(server), reading) for server in wanted],
    }


def _usage_fields(server: str, row: DestinationKey | None, reading: KernelReading) -> dict[str, Any]:
    used = reading.usage.get(row) if row else None
    return {"server": server, "kernel": None if used is None else used._asdict()}


def _rows(
    compiled: CompiledConfig, reading: KernelReading, left: Iterable[DestinationKey], wanted: Sequence[str]
) -> dict[str, DestinationKey]:
    """Return the key of each server's row in the kernel; of those that are not configured, if the kernel has it.

    A row that is ``left`` may have another port than its server had.
    """
    virtuals = {server.rpartition("/")[0] for server in wanted}
    services: Mapping[str, ServiceKey] = {
        name: key for key in (*compiled.virtuals, *reading.by_service) if (name := virtual_id(key)) in virtuals
    }
    found: dict[str, DestinationKey] = {}
    by_address: dict[str, list[str]] = {}
    for server in wanted:
        by_address.setdefault(server.rpartition(":")[0], []).append(server)
    for key in left:
        found |= dict.fromkeys(by_address.get(f"{virtual_id(key.service)}/{bracketed(key.address)}", ()), key)
    for name, service in services.items():
        found |= {f"{name}/{key.endpoint}": key for key in reading.by_service.get(service, ())}
        virtual = compiled.virtuals.get(service)
        found |= {f"{name}/{real.real}": real.row for real in virtual.reals.values()} if virtual else {}
    return found
