"""Real and fallback servers of a virtual: their lines looked up, ranges expanded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from ldirectord_py.address import Address
from ldirectord_py.config.addresses import Lookup, is_shortened, literal
from ldirectord_py.config.lines import Diagnostic, InvalidValue, Line, Report
from ldirectord_py.config.model import UNRESOLVED, Fallback, Forward, Real, Virtual
from ldirectord_py.config.server_lines import FallbackLine, RealLine, parse_fallback, parse_real
from ldirectord_py.ipvs.table import VirtualAddress

MAX_RANGE = 65536

_Options = tuple[int, Forward, int, str, str, int, int, str | None]


def own_port(virtual: Virtual) -> int:
    """Return the virtual's port, 0 for a firewall mark."""
    return virtual.key.port if isinstance(virtual.key, VirtualAddress) else 0


@dataclass(frozen=True, slots=True)
class Servers:
    """Reads the servers of a configuration; what cannot be read is reported and left out."""

    lookup: Lookup
    report: Report

    def reals(self, lines: Iterable[Line], virtual: Virtual) -> tuple[tuple[Real, ...], tuple[Real, ...]]:
        """Return the real servers of a virtual, with its request and receive where they have none.

        The second tuple has those whose names have no address now.
        """
        reals: list[Real] = []
        unresolved: list[Real] = []
        seen: dict[tuple[int, int], Line] = {}
        port, mark = own_port(virtual), not isinstance(virtual.key, VirtualAddress)
        for line in lines:
            try:
                found = parse_real(line.value)
                added = self._expand(found, line, virtual)
            except InvalidValue as refusal:
                self.report.refuse(line, refusal.diagnostic)
                continue
            if not added:
                unresolved.append(Real(UNRESOLVED[virtual.key.ipv6], *self._options(found, virtual)))
            for real in added:
                row = int(real.server), real.port if mark or real.forward is Forward.MASQ else port
                if row in seen:
                    self._twice(real, seen[row], line)
                seen.setdefault(row, line)
                reals.append(real)
        return tuple(reals), tuple(unresolved)

    def _twice(self, real: Real, first: Line, line: Line) -> None:
        what = f"{real} is the same destination as in {first.seen_from(line)}; the kernel knows it once"
        self.report.warn(line, Diagnostic(what, "remove one of them"))

    def _expand(self, found: RealLine, line: Line, virtual: Virtual) -> list[Real]:
        if found.diagnostics:
            self.report.warn(line, *found.diagnostics)
        addresses = self._addresses(found, line, ipv6=virtual.key.ipv6)
        options = self._options(found, virtual)
        return [Real(address, *options) for address in addresses]

    def _options(self, found: RealLine, virtual: Virtual) -> _Options:
        """Return what follows the address in a Real."""
        port = self.lookup.port(found.port) if found.port else 0
        share, request, receive = found.options, virtual.request, virtual.receive
        if share.request is not None:
            request, receive = share.request, share.receive
        name = found.host if found.last is None and literal(found.host) is None else None
        return port, share.forward, share.weight, request, receive, share.lower, share.upper, name

    def _addresses(self, found: RealLine, line: Line, *, ipv6: bool) -> Iterable[Address]:
        first = self.address(found.host, line, ipv6=ipv6)
        if found.last is None:
            return () if first is None else (first,)
        if ipv6:
            raise InvalidValue("ranges of IPv6 addresses are not supported", "write a real6 line for each")
        last = self.address(found.last, line, ipv6=False)
        if first is None or last is None:
            return ()
        if first.version != last.version or int(last) < int(first):
            raise InvalidValue(f"the range ends with {last}, before it starts", "write FIRST->LAST")
        if int(last) - int(first) >= MAX_RANGE:
            raise InvalidValue(f"the range has more than {MAX_RANGE} addresses", "write a smaller one")
        return map(IPv4Address, range(int(first), int(last) + 1))

    def address(self, text: str, line: Line, *, ipv6: bool) -> Address | None:
        """Return the address; None, and a warning, for a name that does not resolve."""
        address = self.lookup.address(text, ipv6=ipv6)
        if address is None:
            what = f'the name "{text[:60]}" does not resolve, so the server is left out'
            self.report.warn(line, Diagnostic(what, "correct it, or see to the resolver"))
        else:
            self.advise_shortened(text, address, line)
        return address

    def advise_shortened(self, text: str, address: Address, line: Line) -> None:
        """Warn of an address that is written as ``10.1`` or ``010.0.0.1``."""
        if is_shortened(text) and literal(text) is not None:
            self.report.warn(line, Diagnostic(f"{text} is read as {address}", "write the address in full"))

    def fallback(self, line: Line, virtual: Virtual) -> Fallback | None:
        """Return the fallback that the line names for the virtual, on its port unless it names one.

        Its address is UNRESOLVED where its name has none now.
        """
        try:
            found = parse_fallback(line.value)
            self.report.warn(line, *found.diagnostics)
            address = self.address(found.host, line, ipv6=virtual.key.ipv6) or UNRESOLVED[virtual.key.ipv6]
            return Fallback(address, self._port(found, virtual), found.forward)
        except InvalidValue as refusal:
            self.report.refuse(line, refusal.diagnostic)
            return None

    def advise_global(self, line: Line) -> None:
        """Warn of what the original does not take in a fallback for all virtuals."""
        try:
            port = parse_fallback(line.value).port
        except InvalidValue:
            return
        if "#" in line.value:
            self.report.warn(line, Diagnostic("a comment follows the fallback", "put it on a line of its own"))
        if port and not port.isdigit():
            what = f'the service "{port}" may have another port for udp than for tcp, or none'
            self.report.warn(line, Diagnostic(what, "write the port's number"))

    def _port(self, found: FallbackLine, virtual: Virtual) -> int:
        protocol = virtual.protocol.name.lower() if virtual.protocol else ""
        return self.lookup.port(found.port, protocol) if found.port else own_port(virtual)
