"""Text to Config: every default and inheritance applied, all errors and warnings at once.

A virtual's value holds, else the daemon's, else the default; checktimeout and negotiatetimeout stand in
for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Kind
from ldirectord_py.config.addresses import HostName, Lookup, Names, PortName
from ldirectord_py.config.advice import Advice, Installed
from ldirectord_py.config.directives import DIRECTIVES, Scope
from ldirectord_py.config.include import Contents, Includes, Texts, in_order
from ldirectord_py.config.lines import Diagnostic, InvalidValue, Line, Report, Text
from ldirectord_py.config.model import SIP, UNRESOLVED, Config, Fallback, Globals, Virtual, takes_sip
from ldirectord_py.config.sections import Section, Sorter
from ldirectord_py.config.server_lines import VirtualLine, parse_virtual
from ldirectord_py.config.servers import Servers
from ldirectord_py.config.settings import Settings, Settler
from ldirectord_py.errors import ConfigError, Problem, Severity
from ldirectord_py.ipvs.table import FirewallMark, Protocol, ServiceKey, VirtualAddress

_GLOBALS = frozenset(field.name for field in fields(Globals))
_VIRTUALS = frozenset(field.name for field in fields(Virtual))
_INHERITED = frozenset(row.name for row in DIRECTIVES.values() if row.scope is Scope.BOTH) & _VIRTUALS


@dataclass(frozen=True, slots=True)
class Parsed:
    """A configuration, what to warn of, and the addresses of the host names in it.

    ``followed`` are the names whose addresses may change while it is in force: all but those of virtuals.
    ``contents`` is what was read for it, ``file`` its own file, as it was named then.
    """

    config: Config
    warnings: tuple[Problem, ...] = ()
    hosts: Mapping[HostName, Address] = field(default_factory=dict)
    watched_hosts: frozenset[HostName] = frozenset()
    contents: Contents = field(default_factory=Contents, repr=False, compare=False)
    file: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """One pass over a configuration: its meaning, all that is wrong, and what was asked for.

    These are its ``files``, in the order in which they were read, names, and files of ``authorities``.
    """

    config: Config
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    hosts: frozenset[HostName]
    ports: frozenset[PortName]
    authorities: Mapping[str, Line] = field(default_factory=dict)
    heads: frozenset[HostName] = frozenset()

    def unknown(self, names: Names) -> tuple[frozenset[HostName], frozenset[PortName]] | None:
        """Return the names that were asked for and never looked up; None if there are none."""
        hosts, ports = self.hosts - names.hosts.keys(), self.ports - names.ports.keys()
        return (hosts, ports) if hosts or ports else None


def _everything(_module: str) -> bool:
    return True


def parse(text: str, file: str, names: Names, kinds: Mapping[str, Kind], installed: Installed = _everything) -> Parsed:
    """Return the configuration of a file; raises ConfigError, and nothing else, with every Problem of the file."""
    return accepted(draft(Texts(Text(file, text)), names, kinds, installed), names)


def accepted(found: Draft, names: Names) -> Parsed:
    """Return a draft without errors as Parsed; raises ConfigError."""
    if any(problem.severity is Severity.ERROR for problem in found.problems):
        raise ConfigError(found.problems)
    hosts = {host: address for host in found.hosts if (address := names.hosts.get(host)) is not None}
    return Parsed(found.config, found.problems, hosts, found.hosts - found.heads)


def draft(texts: Texts, names: Names, kinds: Mapping[str, Kind], installed: Installed = _everything) -> Draft:
    """Return what one pass over the files gives; a name that ``names`` does not know counts as not resolving.

    ``installed`` tells whether a module is there that a kind names as its driver.
    """
    problems: list[Problem] = []
    report = Report(problems.append)
    includes = Includes(texts, report)
    sorter = Sorter(includes, problems.append)
    sorter.sort(texts.main)
    settler = Settler(kinds, report)
    world = settler.settle(sorter.world)
    lookup = Lookup(names)
    builder = _Builder(world, Servers(lookup, report), settler, Advice(report, kinds, installed))
    virtuals = tuple(filter(None, map(builder.virtual, sorter.virtuals)))
    builder.check_global_fallbacks()
    settings = _globals(world)
    asked = frozenset(lookup.hosts), frozenset(lookup.ports), builder.authorities, frozenset(builder.heads)
    return Draft(Config(settings, virtuals), in_order(problems, includes.files), includes.files, *asked)


def _globals(world: Settings) -> Globals:
    values = {name: value for name, value in world.values.items() if name in _GLOBALS}
    if "checkinterval" in values:
        values.setdefault("reconcile", values["checkinterval"])
    return Globals(**values)


def _timeouts(own: Mapping[str, Any], world: Mapping[str, Any]) -> dict[str, int]:
    """Return both timeouts in force: each one's own, the other's own, the daemon's, the daemon's other."""
    check, negotiate = "checktimeout", "negotiatetimeout"
    found = {}
    for name, other in ((check, negotiate), (negotiate, check)):
        for values, key in ((own, name), (own, other), (world, name), (world, other)):
            if key in values:
                found[name] = values[key]
                break
    return found


class _Builder:
    """Builds the virtuals; remembers their keys, their names (``heads``), and their files of ``authorities``."""

    def __init__(self, world: Settings, servers: Servers, settler: Settler, advice: Advice) -> None:
        self._world = world
        self._servers = servers
        self._settler = settler
        self._report = servers.report
        self._words = {kind.port: kind.name for kind in settler.kinds.values() if kind.port}
        self._seen: dict[ServiceKey, Line] = {}
        self._advice = advice
        self._inherited = {name: value for name, value in world.values.items() if name in _INHERITED}
        self.authorities: dict[str, Line] = {}
        self.heads: set[HostName] = set()
        self._ask_for_authorities(world)

    def virtual(self, section: Section) -> Virtual | None:
        """Return a section's virtual; None, and the reasons reported, where its head cannot be read."""
        head, line = self._head(section.head), section.head
        mark = head is not None and head.mark is not None
        settings = self._settler.settle(section.entries, line, mark=mark)
        self._ask_for_authorities(settings)
        key = self._key(head, line, settings) if head else None
        virtual = self._settled(key or FirewallMark(0, line.name == "virtual6"), settings)
        virtual = self._with_servers(virtual, settings)
        if key is None:
            return None
        self._advice.give(virtual, line, settings)
        return virtual

    def _with_servers(self, virtual: Virtual, settings: Settings) -> Virtual:
        reals, unresolved = self._servers.reals(settings.reals, virtual)
        fallback = self._fallback(settings, virtual)
        if fallback and fallback.server is UNRESOLVED[virtual.key.ipv6]:
            return replace(virtual, reals=reals, unresolved=(*unresolved, fallback))
        return replace(virtual, reals=reals, fallback=fallback, unresolved=unresolved)

    def _ask_for_authorities(self, settings: Settings) -> None:
        if "tlsca" in settings.values:
            self.authorities.setdefault(settings.values["tlsca"].file, settings.lines["tlsca"])

    def _head(self, line: Line) -> VirtualLine | None:
        try:
            head = parse_virtual(line.value)
        except InvalidValue as refusal:
            self._report.refuse(line, refusal.diagnostic)
            return None
        self._report.warn(line, *head.diagnostics)
        return head

    def _key(self, head: VirtualLine, line: Line, settings: Settings) -> ServiceKey | None:
        try:
            key = self._resolved(head, line, settings)
        except InvalidValue as refusal:
            self._report.refuse(line, refusal.diagnostic)
            return None
        first = self._seen.setdefault(key, line)
        if first is not line:
            what = f"the virtual of {first.seen_from(line)} is the same service"
            self._report.refuse(line, Diagnostic(what, "put the real servers of both into one"))
            return None
        return key

    def _resolved(self, head: VirtualLine, line: Line, settings: Settings) -> ServiceKey:
        ipv6, lookup = line.name == "virtual6", self._servers.lookup
        if head.mark is not None:
            return FirewallMark(head.mark, ipv6)
        protocol = settings.values.get("protocol") or ("udp" if head.port in {"53", "domain"} else "tcp")
        address = lookup.address(head.host, ipv6=ipv6)
        self.heads.add(HostName(head.host, ipv6))
        port = lookup.port(head.port, protocol)
        if address is None:
            raise InvalidValue(f'the name "{head.host[:60]}" does not resolve', "correct it, or write the address")
        self._servers.advise_shortened(head.host, address, line)
        return VirtualAddress(Protocol[protocol.upper()], address, port)

    def _settled(self, key: ServiceKey, settings: Settings) -> Virtual:
        own = settings.values
        port = key.port if isinstance(key, VirtualAddress) else 0
        values = self._inherited | {name: value for name, value in own.items() if name in _VIRTUALS}
        values |= _timeouts(own, self._world.values)
        if values.get("pe") == SIP and "pe" not in own and not takes_sip(key):
            del values["pe"]
        values.setdefault("service", self._words.get(port, "none"))
        if "service" in own:
            kind = self._settler.kinds[own["service"]]
            hostname = self._servers.lookup.names.hostname
            values.setdefault("login", kind.login.replace("{hostname}", hostname))
            values.setdefault("passwd", kind.passwd.replace("{hostname}", hostname))
        return Virtual(key, **values)

    def _fallback(self, settings: Settings, virtual: Virtual) -> Fallback | None:
        line = settings.lines.get("fallback") or self._world.lines.get("fallback6" if virtual.key.ipv6 else "fallback")
        return self._servers.fallback(line, virtual) if line else None

    def check_global_fallbacks(self) -> None:
        """Report what is odd about global fallbacks, also about those that no virtual took."""
        for name, ipv6 in (("fallback", False), ("fallback6", True)):
            line = self._world.lines.get(name)
            if line is not None:
                self._servers.fallback(line, Virtual(FirewallMark(0, ipv6)))
                self._servers.advise_global(line)
