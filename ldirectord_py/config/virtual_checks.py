"""Checks a virtual as a whole: settings that have no effect, cannot work together, or lack a driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ldirectord_py.checks.base import TLS, Kind
from ldirectord_py.checks.pattern import pattern_problem
from ldirectord_py.config.diagnostics import Diagnostic, add_error, add_warnings
from ldirectord_py.config.lines import Line
from ldirectord_py.config.model import SIP, CheckType, Virtual, takes_sip
from ldirectord_py.config.settings import Settings
from ldirectord_py.config.syntax import VirtualSection
from ldirectord_py.errors import Problem
from ldirectord_py.ipvs.table import Protocol, VirtualAddress

IsInstalled = Callable[[str], bool]
"""Returns whether a module is installed."""

_OPTIONAL = ("expectstatus", "followredirects", "starttls", "tlsca", "tlsname", "tlsverify")
_UNWEIGHTED = frozenset(("rr", "lc", "dh"))
"""Schedulers that treat all weights above 0 alike."""


@dataclass(frozen=True, slots=True)
class VirtualRules:
    """The kinds of service, and a list that Problems are appended to.

    ``reported`` are the kinds without a check of which the user was warned.
    """

    kinds: Mapping[str, Kind]
    is_installed: IsInstalled
    problems: list[Problem]
    reported: set[str] = field(default_factory=set)

    def warn(self, line: Line, what: str, hint: str) -> None:
        """Append a warning about the value of a line."""
        add_warnings(self.problems, line, Diagnostic(what, hint))

    def error(self, line: Line, what: str, hint: str) -> None:
        """Append an error about the value of a line."""
        add_error(self.problems, line, Diagnostic(what, hint))


def check_virtual(virtual: Virtual, section: VirtualSection, rules: VirtualRules) -> None:
    """Append Problems of a virtual as a whole, at the line that causes them or at the virtual's own line."""
    lines = section.settings.lines
    _check_fallback(virtual, lines, rules)
    if isinstance(virtual.key, VirtualAddress) and not virtual.key.port and virtual.persistent is None:
        hint = "add persistent=N or name a port"
        rules.warn(section.line, "the kernel accepts port 0 only with persistent", hint)
    if virtual.ops and virtual.protocol is not Protocol.UDP:
        rules.warn(lines["ops"], "ops holds for udp only", "leave it out")
    if virtual.pe == SIP and "pe" in lines:
        _check_engine(virtual, lines["pe"], rules)
    if "fastinterval" in lines:
        _check_fast_interval(virtual, lines["fastinterval"], rules)
    if "flapwindow" in lines and virtual.flapthreshold is None:
        rules.warn(lines["flapwindow"], "flapwindow has no effect without flapthreshold", "add flapthreshold=N")
    if "slowstart" in lines and virtual.slowstart is not None:
        _check_slow_start(virtual, lines["slowstart"], rules)
    if virtual.checktype in {CheckType.NEGOTIATE, CheckType.COMBINED}:
        _check_service(virtual, section, rules)


def _check_engine(virtual: Virtual, line: Line, rules: VirtualRules) -> None:
    if not takes_sip(virtual.key):
        what = "pe=sip is for udp only: the kernel would drop every connection over tcp"
        rules.error(line, what, "leave it out")
    elif virtual.persistent is None:
        rules.warn(line, "pe has no effect without persistent", "add persistent=N")


def _check_fast_interval(virtual: Virtual, line: Line, rules: VirtualRules) -> None:
    if virtual.failurecount == virtual.successcount == 1:
        hint = "set failurecount or successcount"
        rules.warn(line, "fastinterval has no effect: each verdict is settled by one check", hint)
    elif virtual.fastinterval and virtual.fastinterval >= virtual.checkinterval:
        rules.warn(line, "fastinterval is not shorter than checkinterval", "write less")


def _check_slow_start(virtual: Virtual, line: Line, rules: VirtualRules) -> None:
    if virtual.scheduler in _UNWEIGHTED:
        what = f"slowstart has no effect with scheduler={virtual.scheduler}, which does not look at weights"
        rules.warn(line, what, "write scheduler=wrr or wlc")
    elif virtual.reals and all(real.weight <= 1 for real in virtual.reals):
        rules.warn(line, "slowstart has no effect on servers of weight 1", "give them larger weights, such as 10")


def _check_fallback(virtual: Virtual, lines: Mapping[str, Line], rules: VirtualRules) -> None:
    line = lines.get("fallback")
    if line is None or virtual.fallback is None:
        return
    fallback = virtual.fallback.server, virtual.fallback.port
    if any(fallback == (real.server, real.port) for real in virtual.reals):
        rules.warn(line, f"the fallback {virtual.fallback} is one of the real servers", "name another server")


def _check_service(virtual: Virtual, section: VirtualSection, rules: VirtualRules) -> None:
    kind, settings = rules.kinds[virtual.service], section.settings
    line = settings.lines.get("service", section.line)
    if kind.check is not None:
        _check_requirements(kind, virtual, line, rules)
    elif kind.name not in rules.reported:
        rules.reported.add(kind.name)
        what = f"this version has no check for {kind.name} yet"
        rules.warn(line, what, "a TCP connect (ping for udp) is used instead")
    _check_unused(kind, virtual, settings.lines, rules)
    if "receive" in kind.uses:
        _check_patterns(virtual, settings, rules)


def _check_requirements(kind: Kind, virtual: Virtual, line: Line, rules: VirtualRules) -> None:
    """Refuse a kind whose driver is missing; warn of a missing directive without which its check never passes."""
    if kind.driver and not rules.is_installed(kind.driver):
        what = f"the check of {kind.name} needs {kind.driver}, which is not installed"
        rules.error(line, what, f"run pip install 'ldirectord-py[{kind.extra}]'")
    for name in sorted(kind.needs):
        if not _is_given(virtual, name):
            rules.warn(line, f"a check of {kind.name} without {name} never passes", f'add {name}="..."')


def _check_unused(kind: Kind, virtual: Virtual, lines: Mapping[str, Line], rules: VirtualRules) -> None:
    """Warn of directives about TLS and HTTP that the check does not use."""
    for name in _OPTIONAL:
        line = lines.get(name)
        if line is None:
            continue
        if name not in kind.uses:
            rules.warn(line, f"{name} has no effect on a check of {kind.name}", "leave it out")
        elif name in TLS and "starttls" in kind.uses and not virtual.starttls:
            rules.warn(line, f"{name} has no effect without starttls", "add starttls=yes")
        elif name == "tlsca" and not virtual.tlsverify:
            rules.warn(line, "tlsca has no effect without tlsverify", "add tlsverify=yes")


def _check_patterns(virtual: Virtual, settings: Settings, rules: VirtualRules) -> None:
    """Refuse a pattern that does not compile; one that several servers have at its first line."""
    if "receive" in settings.values:
        _check_pattern(virtual.receive, settings.lines["receive"], rules)
    patterns = {real.receive for real in virtual.reals} - {virtual.receive}
    for line, real in settings.reals if patterns else ():
        if real.options.receive in patterns:
            patterns.remove(real.options.receive)
            _check_pattern(real.options.receive, line, rules)


def _check_pattern(pattern: str, line: Line, rules: VirtualRules) -> None:
    problem = pattern_problem(pattern)
    if problem is not None:
        what = f"the pattern to receive is not valid: {problem}"
        rules.error(line, what, "correct it; a literal ( is \\(")


def _is_given(virtual: Virtual, name: str) -> bool:
    """Return whether every server has a value; the default request ``/`` does not count."""
    if name == "request":
        return all(real.request.strip("/") for real in virtual.reals)
    return bool(getattr(virtual, name))
