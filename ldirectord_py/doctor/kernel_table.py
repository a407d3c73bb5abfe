"""Whether this kernel has IPVS, its schedulers and persistence engines, and room for the connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ldirectord_py.config.model import NO_ENGINE, Config
from ldirectord_py.doctor.facts import Area, HostFacts
from ldirectord_py.doctor.finding import Finding, Gravity, Unseen

MAX_CHAIN: Final = 8
"""Connections for each bucket of the kernel's hash table above which look-ups are slow."""
MAX_TABLE_BITS: Final = 20


def look_at_ipvs(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find a kernel without IPVS, or one whose table may not be used."""
    if facts.ipvs.loaded:
        if facts.ipvs.fault:
            yield Finding("ipvs-refused", Gravity.ERROR, _all(config), facts.ipvs.fault, "run the daemon as root")
        elif Area.TABLE in facts.unseen:
            yield Unseen(Area.TABLE)
        return
    if Area.MODULES in facts.unseen:
        yield Unseen(Area.MODULES)
    elif "ip_vs" not in facts.modules.loadable | facts.modules.present:
        what = "this kernel has no IPVS"
        remedy = "install a kernel with CONFIG_IP_VS; in a container, load ip_vs on its host: modprobe ip_vs"
        yield Finding("ipvs-missing", Gravity.ERROR, _all(config), what, remedy)


def look_for_modules(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find schedulers and persistence engines that this kernel lacks."""
    if not config.virtuals:
        return
    needed: dict[str, list[str]] = {}
    for virtual in config.virtuals:
        needed.setdefault(f"ip_vs_{virtual.scheduler}", []).append(virtual.id)
        if virtual.pe not in {None, NO_ENGINE}:
            needed.setdefault(f"ip_vs_pe_{virtual.pe}", []).append(virtual.id)
    known = facts.modules.present | facts.modules.loadable
    lacking = [module for module in needed if module not in known]
    if lacking and Area.MODULES in facts.unseen:
        yield Unseen(Area.MODULES)
        return
    for module in lacking if "ip_vs" in known else ():
        is_engine = module.startswith("ip_vs_pe_")
        noun, word = ("persistence engine", module[9:]) if is_engine else ("scheduler", module[6:])
        what = f"this kernel lacks the {noun} {word} (module {module})"
        remedy = f"correct {'pe' if is_engine else 'scheduler'}, or install the module: modinfo {module}"
        yield Finding("module-missing", Gravity.ERROR, tuple(needed[module]), what, remedy)


def look_at_table_size(config: Config, facts: HostFacts) -> Iterator[Finding | Unseen]:
    """Find a hash table of connections that is too small for those that there are."""
    size, connections = facts.ipvs.table_size, facts.ipvs.connections
    if not size or connections <= size * MAX_CHAIN:
        return
    bits = min(MAX_TABLE_BITS, max(connections - 1, 1).bit_length())
    what = f"{connections} connections share the {size} buckets of the kernel's table"
    if size < 1 << bits:
        remedy = f"echo 'options ip_vs conn_tab_bits={bits}' > /etc/modprobe.d/ip_vs.conf, then load ip_vs anew"
        yield Finding("table-small", Gravity.HINT, _all(config), what, remedy)


def _all(config: Config) -> tuple[str, ...]:
    return tuple(virtual.id for virtual in config.virtuals)
