"""What a real server takes, without its check in flight; ``make bench NAMES=growth`` measures a whole daemon."""

from __future__ import annotations

import gc
import tracemalloc
from ipaddress import IPv4Address
from typing import Final

from bench.configurations import HTTP, configuration, virtuals
from builders import up
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.protocols.http_request import first_request
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.parse import parse
from ldirectord_py.daemon.history.transitions import TransitionHistory
from ldirectord_py.daemon.probing.limited import limited_prober
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.kernel import MemoryKernel

FEW, MANY = 200, 2200
MAX_BYTES: Final = 2750
"""As tracemalloc counts them, with CPython 3.11: 2,550."""


async def traced(servers: int) -> int:
    """Return how many bytes a director takes whose servers have come up once."""
    endpoints = [f"{IPv4Address('127.1.0.1') + number}:8080" for number in range(servers)]
    text = configuration(virtuals(endpoints), HTTP, 100, 3)
    gc.collect()
    tracemalloc.start()
    try:
        compiled = compile_config(parse(text, "test.cf", Names(), kinds()).config, kinds())
        kernel, history = MemoryKernel(), TransitionHistory()
        director = Director(kernel, compiled, [history])
        await director.start()
        requests = [first_request(check.kind, check.target) for check in compiled.plan]
        for check in compiled.plan:
            director.observe(check, up())
        await director.reconcile()
        kernel.written.clear()
        prober = limited_prober(director.observe, CheckLimits())
        prober.set_checks(compiled.plan)
        gc.collect()
        assert len(requests) == director.tracker.table.up == servers
        size = tracemalloc.get_traced_memory()[0]
        await prober.close()
        return size
    finally:
        tracemalloc.stop()


async def test_a_server_takes_little_memory() -> None:
    await traced(FEW)  # fills the caches
    each = (await traced(MANY) - await traced(FEW)) / (MANY - FEW)
    print(f"{each:.0f} bytes for each server")
    assert each < MAX_BYTES
