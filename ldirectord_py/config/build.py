"""Syntax tree to Config: names replaced by addresses, every default and inheritance applied.

A virtual's value holds, else the daemon's, else the default. Of ``checktimeout`` and ``negotiatetimeout``, one that is
not set takes the value of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ldirectord_py.config.addresses import Names, find_address, find_port
from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue, add_error
from ldirectord_py.config.directives import DIRECTIVES, Scope
from ldirectord_py.config.lines import Line
from ldirectord_py.config.model import SIP, UNRESOLVED, Config, Fallback, Globals, Virtual, takes_sip
from ldirectord_py.config.server_lines import VirtualLine
from ldirectord_py.config.servers import (
    ServerContext,
    check_global_fallback,
    fallback_server,
    real_servers,
    warn_of_shortened,
)
from ldirectord_py.config.settings import Settings
from ldirectord_py.config.syntax import SyntaxTree, VirtualSection
from ldirectord_py.config.virtual_checks import VirtualRules, check_virtual
from ldirectord_py.ipvs.table import FirewallMark, Protocol, ServiceKey, VirtualAddress

WEBHOOK_LIBRARY = "aiohttp"
PAGE_LIBRARIES = ("aiohttp", "jinja2", "prometheus_client")

MIN_RECONCILE = 1
"""Seconds of ``reconcile`` at least where ``checkinterval`` decides: it reads the kernel's whole table."""

_GLOBALS = frozenset(field.name for field in fields(Globals))
_VIRTUALS = frozenset(field.name for field in fields(Virtual))
_INHERITED = frozenset(row.name for row in DIRECTIVES.values() if row.scope is Scope.BOTH) & _VIRTUALS
_DEFAULTS = {field.name: field.default for field in fields(Virtual)}


@dataclass(frozen=True, slots=True)
class _Context:
    """The daemon's settings, the values that virtuals inherit, and the keys of the virtuals so far."""

    globals: Settings
    inherited: Mapping[str, Any]
    service_by_port: Mapping[int, str]
    names: Names
    rules: VirtualRules
    lines_by_key: dict[ServiceKey, Line] = field(default_factory=dict)


def build(tree: SyntaxTree, names: Names, rules: VirtualRules) -> Config:
    """Return the configuration, without the virtuals that have an error; appends Problems to those of ``rules``.

    A host name that ``names`` does not have counts as one that does not resolve.
    """
    inherited = {name: value for name, value in tree.globals.values.items() if name in _INHERITED}
    services = {kind.port: kind.name for kind in rules.kinds.values() if kind.port}
    context = _Context(tree.globals, inherited, services, names, rules)
    virtuals = tuple(filter(None, (_build_virtual(section, context) for section in tree.virtuals)))
    for settings in (tree.globals, *(section.settings for section in tree.virtuals)):
        _check_webhook(settings, rules)
    _check_page(tree.globals, rules)
    _check_global_fallbacks(context)
    return Config(_build_globals(tree.globals.values), virtuals)


def _build_globals(values: Mapping[str, Any]) -> Globals:
    known = {name: value for name, value in values.items() if name in _GLOBALS}
    if "checkinterval" in known:
        known.setdefault("reconcile", max(MIN_RECONCILE, known["checkinterval"]))
    return Globals(**known)


def _check_webhook(settings: Settings, rules: VirtualRules) -> None:
    """Refuse a webhook without the library that sends to it."""
    if settings.values.get("notifyurl") and not rules.is_installed(WEBHOOK_LIBRARY):
        what = f"notifyurl needs {WEBHOOK_LIBRARY}, which is not installed"
        rules.error(settings.lines["notifyurl"], what, "run pip install 'ldirectord-py[notify]'")


def _check_page(settings: Settings, rules: VirtualRules) -> None:
    """Refuse ``listen`` without the libraries of the page."""
    missing = [library for library in PAGE_LIBRARIES if not rules.is_installed(library)]
    if "listen" in settings.values and missing:
        what = f"listen needs {' and '.join(missing)}: not installed"
        rules.error(settings.lines["listen"], what, "run pip install 'ldirectord-py[web]'")


def _check_global_fallbacks(context: _Context) -> None:
    """Report problems of global fallbacks, also of those that no virtual uses."""
    for name, parsed in context.globals.fallbacks.items():
        line = context.globals.lines[name]
        fallback_server(parsed, line, _server_context(FirewallMark(0, name == "fallback6"), {}, context))
        check_global_fallback(parsed, line, context.rules.problems)


def _server_context(key: ServiceKey, values: Mapping[str, Any], context: _Context) -> ServerContext:
    request, receive = (values.get(name, _DEFAULTS[name]) for name in ("request", "receive"))
    return ServerContext(key, request, receive, context.names, context.rules.problems)


def _build_virtual(section: VirtualSection, context: _Context) -> Virtual | None:
    """Return a section's virtual; None if its address or mark is invalid or in use; appends Problems."""
    key = _key(section.header, section, context) if section.header else None
    assumed = key or FirewallMark(0, section.ipv6)  # so that problems of its other lines are reported too
    values = _values(assumed, section.settings, context)
    servers = _server_context(assumed, values, context)
    reals, unresolved = real_servers(section.settings.reals, servers)
    fallback = _fallback(section.settings, servers, context)
    if key is None:
        return None
    if fallback and fallback.server is UNRESOLVED[key.ipv6]:
        virtual = Virtual(key, reals, None, (*unresolved, fallback), **values)
    else:
        virtual = Virtual(key, reals, fallback, unresolved, **values)
    check_virtual(virtual, section, context.rules)
    return virtual


def _fallback(settings: Settings, servers: ServerContext, context: _Context) -> Fallback | None:
    """Return the virtual's own fallback, else the global one of its address family."""
    name = "fallback"
    if name not in settings.lines:
        settings = context.globals
        name = "fallback6" if servers.key.ipv6 else name
    parsed = settings.fallbacks.get(name)
    return fallback_server(parsed, settings.lines[name], servers) if parsed else None


def _key(header: VirtualLine, section: VirtualSection, context: _Context) -> ServiceKey | None:
    line, problems = section.line, context.rules.problems
    try:
        key = _resolve(header, section, context)
    except InvalidValue as error:
        add_error(problems, line, error.diagnostic)
        return None
    first = context.lines_by_key.setdefault(key, line)
    if first is not line:
        what = f"the virtual of {first.seen_from(line)} is the same service"
        add_error(problems, line, Diagnostic(what, "put the real servers of both into one"))
        return None
    return key


def _resolve(header: VirtualLine, section: VirtualSection, context: _Context) -> ServiceKey:
    """Return the key of a virtual; raises InvalidValue if its name or port does not resolve."""
    if header.mark is not None:
        return FirewallMark(header.mark, section.ipv6)
    address = find_address(header.host, context.names, ipv6=section.ipv6)
    port = find_port(header.port, context.names, section.protocol)
    if address is None:
        raise InvalidValue(f'the name "{header.host[:60]}" does not resolve', "correct it, or write the address")
    warn_of_shortened(header.host, address, section.line, context.rules.problems)
    return VirtualAddress(Protocol[section.protocol.upper()], address, port)


def _values(key: ServiceKey, settings: Settings, context: _Context) -> dict[str, Any]:
    """Return the fields of a Virtual other than its key and servers, without those that have their defaults."""
    own = settings.values
    port = key.port if isinstance(key, VirtualAddress) else 0
    values = {**context.inherited, **{name: value for name, value in own.items() if name in _VIRTUALS}}
    values |= _timeouts(own, context.globals.values)
    if values.get("pe") == SIP and "pe" not in own and not takes_sip(key):
        del values["pe"]
    values.setdefault("service", context.service_by_port.get(port, "none"))
    if "service" in own:
        kind, hostname = context.rules.kinds[own["service"]], context.names.hostname
        values.setdefault("login", kind.login.replace("{hostname}", hostname))
        values.setdefault("passwd", kind.passwd.replace("{hostname}", hostname))
    return values


def _timeouts(own: Mapping[str, Any], inherited: Mapping[str, Any]) -> dict[str, float]:
    """Return both timeouts: each the virtual's, else the virtual's other, the daemon's, the daemon's other."""
    check, negotiate = "checktimeout", "negotiatetimeout"
    found = {}
    for name, other in ((check, negotiate), (negotiate, check)):
        for values, key in ((own, name), (own, other), (inherited, name), (inherited, other)):
            if key in values:
                found[name] = values[key]
                break
    return found
