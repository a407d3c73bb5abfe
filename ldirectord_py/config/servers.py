"""Builds the real and fallback servers of a virtual: names replaced by addresses, ranges expanded."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import NamedTuple

from ldirectord_py.address import Address
from ldirectord_py.config.addresses import Names, find_address, find_port, is_host_name, is_shortened
from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue, add_error, add_warnings
from ldirectord_py.config.lines import Line
from ldirectord_py.config.model import UNRESOLVED, Fallback, Forward, Real
from ldirectord_py.config.server_lines import FallbackLine, RealLine
from ldirectord_py.errors import Problem
from ldirectord_py.ipvs.table import ServiceKey, VirtualAddress

MAX_RANGE = 65536
"""Addresses of one ``real``."""

_Options = tuple[int, Forward, int, str, str, int, int]


class ServerContext(NamedTuple):
    """The virtual of a server: its key and defaults; the names looked up, and a list that Problems are appended to."""

    key: ServiceKey
    request: str
    receive: str
    names: Names
    problems: list[Problem]

    @property
    def port(self) -> int:
        """Return the virtual's port, 0 for a firewall mark."""
        return self.key.port if isinstance(self.key, VirtualAddress) else 0


def real_servers(
    lines: Iterable[tuple[Line, RealLine]], context: ServerContext
) -> tuple[tuple[Real, ...], tuple[Real, ...]]:
    """Return the real servers of a virtual, and those whose names do not resolve.

    A server without request and receive has those of the virtual.
    """
    reals: list[Real] = []
    unresolved: list[Real] = []
    seen = _SeenServers({}, {})
    before: RealLine | None = None
    for line, parsed in lines:
        try:
            addresses = _addresses(parsed, line, context)
            if before is None or (parsed.port, parsed.options) != (before.port, before.options):
                options = _options(parsed, context)
        except InvalidValue as error:
            add_error(context.problems, line, error.diagnostic)
            continue
        before = parsed
        name = None if parsed.address or parsed.last or not is_host_name(parsed.host) else parsed.host
        if not addresses:
            unresolved.append(Real(UNRESOLVED[context.key.ipv6], *options, name))
        for address in addresses:
            real = Real(address, *options, name)
            _warn_of_duplicate(real, line, seen, context)
            reals.append(real)
    return tuple(reals), tuple(unresolved)


class _SeenServers(NamedTuple):
    """The first line of each row and of each server, by address and port, in the kernel and as configured."""

    rows: dict[tuple[int, int], Line]
    servers: dict[tuple[int, int], Line]


def _warn_of_duplicate(real: Real, line: Line, seen: _SeenServers, context: ServerContext) -> None:
    """Warn of a server that is there already, or has a row of another server; remember its line."""
    address, own_port = int(real.server), real.forward is Forward.MASQ or not isinstance(context.key, VirtualAddress)
    row, server = (address, real.port if own_port else context.port), (address, real.port)
    hint = "remove one of them"
    first_of_row, first_of_server = seen.rows.setdefault(row, line), seen.servers.setdefault(server, line)
    if first_of_row is not line:
        what = f"{real} is the same destination as in {first_of_row.seen_from(line)}; the kernel knows it once"
        add_warnings(context.problems, line, Diagnostic(what, hint))
    elif first_of_server is not line:
        first = first_of_server.seen_from(line)
        what = f"{real} is the same server as in {first}, with another port in the kernel; the last line counts"
        add_warnings(context.problems, line, Diagnostic(what, hint))


def _options(parsed: RealLine, context: ServerContext) -> _Options:
    """Return the fields of a Real between its address and its name."""
    port = find_port(parsed.port, context.names) if parsed.port else 0
    options, request, receive = parsed.options, context.request, context.receive
    if options.request is not None:
        request, receive = options.request, options.receive
    return port, options.forward, options.weight, request, receive, options.lower, options.upper


def _addresses(parsed: RealLine, line: Line, context: ServerContext) -> list[Address]:
    """Return the addresses of a ``real``, none if a name does not resolve."""
    if parsed.address is not None and parsed.last is None and not context.key.ipv6:
        return [parsed.address]
    first = _address(parsed.host, line, context)
    if parsed.last is None:
        return [] if first is None else [first]
    if context.key.ipv6:
        raise InvalidValue("ranges of IPv6 addresses are not supported", "write a real6 line for each")
    last = _address(parsed.last, line, context)
    return [] if first is None or last is None else _range(first, last)


def _range(first: Address, last: Address) -> list[Address]:
    if first.version != last.version or int(last) < int(first):
        raise InvalidValue(f"the range ends with {last}, before it starts", "write FIRST->LAST")
    if int(last) - int(first) >= MAX_RANGE:
        raise InvalidValue(f"the range has more than {MAX_RANGE} addresses", "write a smaller one")
    return [IPv4Address(number) for number in range(int(first), int(last) + 1)]


def _address(text: str, line: Line, context: ServerContext) -> Address | None:
    """Return the address; None, and a warning, for a name that does not resolve."""
    address = find_address(text, context.names, ipv6=context.key.ipv6)
    if address is None:
        what = f'the name "{text[:60]}" does not resolve, so the server is left out'
        add_warnings(context.problems, line, Diagnostic(what, "correct it, or check the resolver"))
    else:
        warn_of_shortened(text, address, line, context.problems)
    return address


def warn_of_shortened(text: str, address: Address, line: Line, problems: list[Problem]) -> None:
    """Warn of an address that is written as ``10.1`` or ``010.0.0.1``."""
    if is_shortened(text) and not is_host_name(text):
        add_warnings(problems, line, Diagnostic(f"{text} is read as {address}", "write the address in full"))


def fallback_server(parsed: FallbackLine, line: Line, context: ServerContext) -> Fallback | None:
    """Return the fallback of a virtual, on the virtual's port unless the line names one; None if it is an error.

    Its address is UNRESOLVED if its name does not resolve.
    """
    try:
        address = _address(parsed.host, line, context) or UNRESOLVED[context.key.ipv6]
        return Fallback(address, _fallback_port(parsed, context), parsed.forward)
    except InvalidValue as error:
        add_error(context.problems, line, error.diagnostic)
        return None


def _fallback_port(parsed: FallbackLine, context: ServerContext) -> int:
    protocol = context.key.protocol.name.lower() if isinstance(context.key, VirtualAddress) else ""
    return find_port(parsed.port, context.names, protocol) if parsed.port else context.port


def check_global_fallback(parsed: FallbackLine, line: Line, problems: list[Problem]) -> None:
    """Warn of a global fallback that the original does not accept."""
    if "#" in line.value:
        add_warnings(problems, line, Diagnostic("a comment follows the fallback", "put it on a separate line"))
    if parsed.port and not parsed.port.isdigit():
        what = f'the service "{parsed.port}" may have another port for udp than for tcp, or none'
        add_warnings(problems, line, Diagnostic(what, "write the port's number"))
