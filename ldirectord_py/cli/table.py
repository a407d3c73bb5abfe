"""``table``: the rows that the configuration asks for now, in the form of ``ipvsadm --save -n``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.config.model import Config
from ldirectord_py.desired import adopt, desired, real_key
from ldirectord_py.health import HealthState
from ldirectord_py.ipvs.ipvsadm import save
from ldirectord_py.ipvs.netlink.client import NetlinkKernel
from ldirectord_py.ipvs.table import Table, kept


def run(invocation: Invocation) -> int:
    """Return 0 with the table on standard output; raise ConfigError for a bad file, KernelError without a table."""
    live = _is_live(invocation.arguments)
    loaded = load_with_warnings(invocation.config_file())
    rows = live_table(loaded.config, asyncio.run(_read_kernel())) if live else healthy_table(loaded.config)
    print(save(rows), end="", flush=True)
    return 0


def healthy_table(config: Config) -> Table:
    """Return the rows of a configuration whose servers are all up."""
    up = HealthState(up=True)
    return desired(config, {real_key(virtual, real): up for virtual in config.virtuals for real in virtual.reals}, {})


def live_table(config: Config, found: Table) -> Table:
    """Return the rows that a director asks for when it starts while the kernel's table is ``found``."""
    health = {key: state for virtual in config.virtuals for key, state in adopt(virtual, found).items()}
    return {key: kept(row, found.get(key, row)) for key, row in desired(config, health, {}).items()}


async def _read_kernel() -> Table:
    kernel = NetlinkKernel()
    try:
        return await kernel.read()
    finally:
        await kernel.aclose()


def _is_live(arguments: Sequence[str]) -> bool:
    parser = OptionParser("table")
    parser.add_argument("--live", action="store_true")
    return bool(parser.parse_args(arguments).live)
