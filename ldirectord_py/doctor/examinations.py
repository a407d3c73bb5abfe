"""All examinations of a host, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ldirectord_py.config.model import Config
from ldirectord_py.doctor.addresses import (
    look_at_arp,
    look_at_client_paths,
    look_at_return_paths,
    look_for_addresses,
    look_for_marks,
)
from ldirectord_py.doctor.capacity import look_at_limits
from ldirectord_py.doctor.directors import look_for_directors, look_for_names
from ldirectord_py.doctor.facts import Area, HostFacts
from ldirectord_py.doctor.finding import Finding, Gravity, Look, Unseen
from ldirectord_py.doctor.kernel_table import look_at_ipvs, look_at_table_size, look_for_modules
from ldirectord_py.doctor.servers import look_at_local_servers, look_at_routes, look_at_tunnels
from ldirectord_py.doctor.sysctls import look_at_forwarding, look_at_ipvs_settings, look_at_source_nat

EXAMINATIONS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "IPVS in the kernel": look_at_ipvs,
        "schedulers and persistence engines": look_for_modules,
        "size of the connection table": look_at_table_size,
        "addresses of the virtuals": look_for_addresses,
        "rules that set firewall marks": look_for_marks,
        "ARP for the addresses of the virtuals": look_at_arp,
        "paths of clients": look_at_client_paths,
        "routes to the servers": look_at_routes,
        "MTU of tunnels": look_at_tunnels,
        "servers that are this host": look_at_local_servers,
        "forwarding for masq": look_at_forwarding,
        "return paths of masq": look_at_return_paths,
        "settings of IPVS": look_at_ipvs_settings,
        "NAT rules of the firewall": look_at_source_nat,
        "files, ports and tracked connections": look_at_limits,
        "other directors": look_for_directors,
        "host names": look_for_names,
    }
)
_ORDER: Final = tuple(Gravity)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings, the gravest first; the examinations made; and those that could not be made, with the reason."""

    findings: tuple[Finding, ...]
    made: tuple[str, ...]
    not_made: Mapping[str, str]


def examine(config: Config, facts: HostFacts) -> Diagnosis:
    """Return what stands in the way of a configuration on a host."""
    findings: list[Finding] = []
    not_made: dict[str, str] = {}
    for name, look in EXAMINATIONS.items():
        for found in look(config, facts):
            if isinstance(found, Unseen):
                not_made[name] = _why_unseen(name, found.area, facts)
            else:
                findings.append(found)
    findings.sort(key=lambda finding: _ORDER.index(finding.gravity))
    return Diagnosis(tuple(findings), tuple(name for name in EXAMINATIONS if name not in not_made), not_made)


def _why_unseen(name: str, area: Area, facts: HostFacts) -> str:
    reason = facts.unseen.get(area, "this kernel does not show it")
    return reason if area == f"the {name}" else f"{area}: {reason}"
