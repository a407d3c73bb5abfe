"""What can be read but will not work as it looks: warnings about a virtual as a whole, and wrong patterns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ldirectord_py.checks.base import TLS, Kind
from ldirectord_py.checks.pattern import pattern_problem
from ldirectord_py.config.lines import Diagnostic, Line, Report
from ldirectord_py.config.model import SIP, CheckType, Virtual, takes_sip
from ldirectord_py.config.server_lines import receive_of
from ldirectord_py.config.settings import Settings
from ldirectord_py.ipvs.table import Protocol, VirtualAddress

Installed = Callable[[str], bool]
"""Tells whether a module is installed."""


_FOR_SOME = ("expectstatus", "followredirects", "starttls", "tlsca", "tlsname", "tlsverify")


class Advice:
    """Reports on the virtuals of a configuration; remembers the kinds of service that it warned of once."""

    def __init__(self, report: Report, kinds: Mapping[str, Kind], installed: Installed) -> None:
        self._report = report
        self._kinds = kinds
        self._installed = installed
        self._stood_in: set[str] = set()

    def give(self, virtual: Virtual, head: Line, settings: Settings) -> None:
        """Report what is odd about a virtual, at the line that says it or at its head."""
        self._fallback(virtual, settings)
        if isinstance(virtual.key, VirtualAddress) and not virtual.key.port and virtual.persistent is None:
            note = Diagnostic("the kernel takes port 0 only with persistent", "add persistent=N or name a port")
            self._report.warn(head, note)
        if virtual.ops and virtual.protocol is not Protocol.UDP:
            self._report.warn(settings.lines["ops"], Diagnostic("ops holds for udp only", "leave it out"))
        if virtual.pe == SIP and "pe" in settings.lines:
            self._engine(virtual, settings.lines["pe"])
        if virtual.checktype in {CheckType.NEGOTIATE, CheckType.COMBINED}:
            self._service(virtual, head, settings)

    def _engine(self, virtual: Virtual, line: Line) -> None:
        if not takes_sip(virtual.key):
            note = Diagnostic("pe=sip is for udp only: the kernel would drop every connection over tcp", "leave it out")
            self._report.refuse(line, note)
        elif virtual.persistent is None:
            self._report.warn(line, Diagnostic("pe has no effect without persistent", "add persistent=N"))

    def _fallback(self, virtual: Virtual, settings: Settings) -> None:
        line = settings.lines.get("fallback")
        if line is None or virtual.fallback is None:
            return
        fallback = virtual.fallback.server, virtual.fallback.port
        if any(fallback == (real.server, real.port) for real in virtual.reals):
            note = Diagnostic(f"the fallback {virtual.fallback} is one of the real servers", "name another server")
            self._report.warn(line, note)

    def _service(self, virtual: Virtual, head: Line, settings: Settings) -> None:
        kind = self._kinds[virtual.service]
        line = settings.lines.get("service", head)
        if kind.check is not None:
            self._requirements(kind, virtual, line)
        elif kind.name not in self._stood_in:
            self._stood_in.add(kind.name)
            what = f"this version has no check of its own for {kind.name} yet"
            self._report.warn(line, Diagnostic(what, "a TCP connect (ping for udp) stands in"))
        self._unused(kind, virtual, settings)
        if "receive" in kind.uses:
            self._patterns(virtual, settings)

    def _requirements(self, kind: Kind, virtual: Virtual, line: Line) -> None:
        """Refuse a kind whose driver is missing; warn of directives without which its check never passes."""
        if kind.driver and not self._installed(kind.driver):
            what = f"the check of {kind.name} needs {kind.driver}, which is not installed"
            self._report.refuse(line, Diagnostic(what, f"run pip install 'ldirectord-py[{kind.extra}]'"))
        for name in sorted(kind.needs):
            if not _given(virtual, name):
                what = f"a check of {kind.name} without {name} never passes"
                self._report.warn(line, Diagnostic(what, f'add {name}="..."'))

    def _unused(self, kind: Kind, virtual: Virtual, settings: Settings) -> None:
        """Warn of directives about TLS and HTTP that the check does not heed."""
        for name in _FOR_SOME:
            line = settings.lines.get(name)
            if line is None:
                continue
            if name not in kind.uses:
                self._report.warn(line, Diagnostic(f"{name} has no effect on a check of {kind.name}", "leave it out"))
            elif name in TLS and "starttls" in kind.uses and not virtual.starttls:
                self._report.warn(line, Diagnostic(f"{name} has no effect without starttls", "add starttls=yes"))
            elif name == "tlsca" and not virtual.tlsverify:
                self._report.warn(line, Diagnostic("tlsca has no effect without tlsverify", "add tlsverify=yes"))

    def _patterns(self, virtual: Virtual, settings: Settings) -> None:
        """Refuse what the check could not compile."""
        if "receive" in settings.values:
            self._pattern(virtual.receive, settings.lines["receive"])
        own = {real.receive for real in virtual.reals} - {virtual.receive}
        for line in settings.reals if own else ():
            pattern = receive_of(line.value)
            if pattern in own:
                own.remove(pattern)
                self._pattern(pattern, line)

    def _pattern(self, pattern: str, line: Line) -> None:
        problem = pattern_problem(pattern)
        if problem is not None:
            note = Diagnostic(f"the pattern to receive is not valid: {problem}", "correct it; a literal ( is \\(")
            self._report.refuse(line, note)


def _given(virtual: Virtual, name: str) -> bool:
    """Tell whether every server has a value; a request of ``/``, the default, is none."""
    if name == "request":
        return all(real.request.strip("/") for real in virtual.reals)
    return bool(getattr(virtual, name))
