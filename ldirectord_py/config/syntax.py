"""Text to syntax tree: all files read and every line parsed, but no name looked up and no default applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.addresses import HostName, PortName, host_name, port_name
from ldirectord_py.config.diagnostics import InvalidValue, add_error, add_warnings
from ldirectord_py.config.include import Includes, Texts
from ldirectord_py.config.lines import Line
from ldirectord_py.config.sections import Section, split_sections
from ldirectord_py.config.server_lines import FallbackLine, VirtualLine, parse_virtual
from ldirectord_py.config.settings import Settings, read_section
from ldirectord_py.errors import Problem


class VirtualSection(NamedTuple):
    """A ``virtual`` line, None for a ``header`` that cannot be read, and the settings below it."""

    line: Line
    header: VirtualLine | None
    settings: Settings

    @property
    def ipv6(self) -> bool:
        """Return whether addresses of the section are of IPv6."""
        return self.line.name == "virtual6"

    @property
    def protocol(self) -> str:
        """Return the transport protocol, "" for a firewall mark."""
        if self.header is None or self.header.mark is not None:
            return ""
        implied = "udp" if self.header.port in {"53", "domain"} else "tcp"
        return self.settings.values.get("protocol") or implied


class SyntaxTree(NamedTuple):
    """A parsed configuration; ``files`` are those that were read, in that order."""

    globals: Settings
    virtuals: tuple[VirtualSection, ...]
    files: tuple[str, ...]


class NameReferences(NamedTuple):
    """The names that a configuration refers to: hosts of servers, hosts of virtuals, and ports."""

    servers: frozenset[HostName]
    virtuals: frozenset[HostName]
    ports: frozenset[PortName]


def read_syntax(texts: Texts, kinds: Mapping[str, Kind], problems: list[Problem]) -> SyntaxTree:
    """Return the syntax tree of a configuration; appends a Problem for all that cannot be read."""
    includes = Includes(texts.source, problems)
    sections = split_sections(includes.expand(texts.main), problems)
    settings = read_section(sections.globals, kinds, problems)
    virtuals = tuple(_read_virtual(section, kinds, problems) for section in sections.virtuals)
    return SyntaxTree(settings, virtuals, includes.files)


def _read_virtual(section: Section, kinds: Mapping[str, Kind], problems: list[Problem]) -> VirtualSection:
    line = section.header
    header = _read_header(line, problems)
    mark = header is not None and header.mark is not None
    return VirtualSection(line, header, read_section(section.entries, kinds, problems, line, mark=mark))


def _read_header(line: Line, problems: list[Problem]) -> VirtualLine | None:
    try:
        header = parse_virtual(line.value)
    except InvalidValue as error:
        add_error(problems, line, error.diagnostic)
        return None
    add_warnings(problems, line, *header.diagnostics)
    return header


def collect_names(tree: SyntaxTree) -> NameReferences:
    """Return the names to look up, before the configuration can be built."""
    servers = frozenset(host for text, ipv6 in _servers(tree) if (host := host_name(text, ipv6=ipv6)))
    headers = ((section.header, section.ipv6) for section in tree.virtuals)
    named = ((header.host, ipv6) for header, ipv6 in headers if header is not None and header.mark is None)
    virtuals = frozenset(host for text, ipv6 in named if (host := host_name(text, ipv6=ipv6)))
    ports = frozenset(port for text, protocol in _ports(tree) if (port := port_name(text, protocol)))
    return NameReferences(servers, virtuals, ports)


def _servers(tree: SyntaxTree) -> Iterator[tuple[str, bool]]:
    """Yield the host of each server and whether it is one of IPv6, without hosts that are known to be addresses."""
    for name, fallback in tree.globals.fallbacks.items():
        yield fallback.host, name == "fallback6"
    for section in tree.virtuals:
        for _, real in section.settings.reals:
            if real.address is None:
                yield real.host, section.ipv6
            if real.last is not None and not section.ipv6:
                yield real.last, False
        for fallback in section.settings.fallbacks.values():
            yield fallback.host, section.ipv6


def _ports(tree: SyntaxTree) -> Iterator[tuple[str, str]]:
    """Yield each port of a virtual or server, and the protocol that it is looked up for."""
    for section in tree.virtuals:
        if section.header is not None:
            yield section.header.port, section.protocol
        yield from ((port, "") for port in {real.port for _, real in section.settings.reals})
        for fallback in _fallbacks(tree, section):
            yield fallback.port, section.protocol
            yield fallback.port, ""  # the protocol is unknown if the virtual's own name does not resolve
    for fallback in tree.globals.fallbacks.values():
        yield fallback.port, ""


def _fallbacks(tree: SyntaxTree, section: VirtualSection) -> Iterator[FallbackLine]:
    yield from section.settings.fallbacks.values()
    yield from tree.globals.fallbacks.values()
