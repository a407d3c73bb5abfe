"""Collects the facts that a configuration depends on; blocks for seconds at most."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from ldirectord_py.config.addresses import HostName, is_host_name
from ldirectord_py.config.model import Config, Forward
from ldirectord_py.config.names import look_up
from ldirectord_py.doctor.addresses import virtual_addresses
from ldirectord_py.doctor.facts import Area, FirewallRules, HostFacts, IpvsState
from ldirectord_py.doctor.finding import forwarded
from ldirectord_py.doctor.host.kernel_files import (
    file_limit,
    read_ipvs_counts,
    read_modules,
    read_sockets,
    read_sysctls,
)
from ldirectord_py.doctor.host.processes import other_directors
from ldirectord_py.doctor.host.routes import Network, read_network
from ldirectord_py.doctor.host.rules import read_firewall
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink.read_only import read_only_kernel
from ldirectord_py.ipvs.table import FirewallMark

NAMES_TIMEOUT: Final = 5.0
"""Seconds for the names of mail servers."""
NOT_ROOT: Final = "only root sees it"

T = TypeVar("T")


def collect(config: Config, file: Path, daemon: int | None) -> HostFacts:
    """Return the facts of this host and network namespace; ``daemon`` is the pid of the daemon of this file, if any."""
    unseen: dict[Area, str] = {}
    network = _network(config, unseen)
    ipvs, modules = _ipvs(unseen), read_modules()
    if not ipvs.loaded:
        unseen[Area.SETTINGS] = "ip_vs is not loaded"
    if not modules.complete:
        unseen[Area.MODULES] = "neither /lib/modules nor /proc/config.gz lists them"
    return HostFacts(
        routes=network.routes,
        links=network.links,
        default_links=network.default_links,
        return_paths=network.return_paths,
        sysctls=read_sysctls(network.links),
        firewall=_seen(unseen, Area.FIREWALL, _firewall_reader(config), FirewallRules()),
        modules=modules,
        ipvs=ipvs,
        directors=_seen(unseen, Area.PROCESSES, lambda: other_directors(file, daemon), ()),
        listening=_seen(unseen, Area.SOCKETS, read_sockets, frozenset()),
        lost_names=_lost_names(config),
        files=file_limit(daemon),
        unseen=unseen,
    )


def _seen(unseen: dict[Area, str], area: Area, read: Callable[[], T], nothing: T) -> T:
    """Return what ``read`` returns; if it fails, ``nothing``, and note why."""
    try:
        return read()
    except OSError as error:
        unseen[area] = error.strerror or str(error)
        return nothing


def _network(config: Config, unseen: dict[Area, str]) -> Network:
    servers = {each.server.server for each in forwarded(config)}
    answering = {each.server.server for each in forwarded(config, Forward.MASQ)}
    network = _seen(
        unseen, Area.ROUTES, lambda: read_network(servers | set(virtual_addresses(config)), answering), None
    )
    if network is None:
        unseen[Area.RETURN_PATHS] = unseen[Area.ROUTES]
    return network or Network()


def _firewall_reader(config: Config) -> Callable[[], FirewallRules]:
    """Return what reads the rules, if the configuration depends on them: the programs may load modules."""
    marks = any(isinstance(virtual.key, FirewallMark) for virtual in config.virtuals)
    if not marks and not any(forwarded(config, Forward.MASQ)):
        return FirewallRules
    return read_firewall if os.geteuid() == 0 else _refuse


def _refuse() -> FirewallRules:
    raise PermissionError(NOT_ROOT)


def _ipvs(unseen: dict[Area, str]) -> IpvsState:
    """Return the state of IPVS; a kernel in which it is not loaded is not asked for its table, which would load it."""
    counts = read_ipvs_counts()
    if counts is None:
        return IpvsState(loaded=False)
    size, connections = counts
    if os.geteuid() != 0:
        unseen[Area.TABLE] = NOT_ROOT
        return IpvsState(table_size=size, connections=connections)
    return IpvsState(True, asyncio.run(_table_fault()), size, connections)


async def _table_fault() -> str:
    """Return why the kernel's table cannot be read, "" if it can."""
    kernel = read_only_kernel()
    try:
        await kernel.read()
    except KernelError as error:
        return str(error)
    finally:
        await kernel.aclose()
    return ""


def _lost_names(config: Config) -> frozenset[str]:
    """Return the names of mail servers that have no address."""
    relays = {config.settings.smtp, *(virtual.smtp for virtual in config.virtuals)}
    hosts = {host for relay in relays if relay and is_host_name(host := relay.rpartition(":")[0] or relay)}
    wanted = frozenset(HostName(host, ipv6) for host in hosts for ipv6 in (False, True))
    found = {name.name for name, address in look_up(wanted, frozenset(), NAMES_TIMEOUT).hosts.items() if address}
    return frozenset(hosts - found)
