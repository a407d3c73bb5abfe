"""Every directive of ldirectord.cf: its scope and the reader of its value.

A new directive is a row here and a field of the same name in model.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from ipaddress import IPv4Address
from typing import NamedTuple

from ldirectord_py.config import commands, listening, mail, notifications
from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue
from ldirectord_py.config.model import NO_ENGINE, SIP, Authorities, CheckType, Expire, LogFormat
from ldirectord_py.config.number_values import integer, seconds
from ldirectord_py.config.server_lines import with_leading_slash
from ldirectord_py.config.string_values import free_text, maybe_quoted_string, nonempty, quoted_string, virtualhost
from ldirectord_py.config.values import (
    BOOLEANS,
    Reader,
    ValueContext,
    choice_reader,
    strict_word,
    suggest,
    unquoted,
    unquoted_word,
    word_reader,
    yes_no,
)

MAX_INT = 2**31 - 1
"""The largest number of seconds or repetitions that the kernel and our clocks can hold."""
MAX_CHANGES = 1000
"""Changes of a server that are remembered."""
MAX_WORKERS = 1024
"""Processes."""
MAX_PERSISTENCE = 31 * 86400
"""Seconds; ipvsadm accepts no more."""

_SCHEDULERS = ("rr", "wrr", "lc", "wlc", "fo", "ovf", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "twos")
_FLAGS = ("flag-1", "flag-2", "flag-3", "sh-fallback", "sh-port", "mh-fallback", "mh-port")


class Scope(Enum):
    """Where a directive may be used; BOTH: for all virtuals, or in a virtual, which overrides it."""

    GLOBAL = auto()
    VIRTUAL = auto()
    BOTH = auto()


class Directive(NamedTuple):
    """A directive; without a reader, its lines are parsed by server_lines.py or include.py."""

    name: str
    scope: Scope
    read: Reader | None = None


def _supervised(raw: str, context: ValueContext) -> bool:
    if context.line.equals:
        return yes_no(raw, context)
    context.warn(Diagnostic("supervised has no value", "write supervised=yes"))
    return True


def _checkcount(raw: str, context: ValueContext) -> int:
    context.warn(Diagnostic("checkcount holds for ping only and is deprecated", "see failurecount"))
    count: int = integer(1, MAX_INT)(raw, context)
    return count


def _checktype(raw: str, context: ValueContext) -> tuple[CheckType, int | None]:
    """Read a word, or a number anywhere in the value: the connects for each negotiation."""
    if re.search(r"[0-9]", unquoted_word(raw, context)):
        return CheckType.COMBINED, integer(0, MAX_INT)(raw, context)
    return CheckType(_CHECKTYPE(raw, context)), None


_CHECKTYPE = choice_reader(
    lambda context: [kind.value for kind in CheckType if kind is not CheckType.COMBINED], r"[\w-]+"
)


def _group(raw: str, context: ValueContext) -> str:
    name = unquoted(unquoted_word(raw, context), context)
    if not re.fullmatch(r"[A-Za-z0-9_][\w.@-]*\$?", name, re.ASCII):
        raise InvalidValue(f'{context.line.name} cannot be "{name[:40]}"', "write the name of one group, or its number")
    return name


def _listenuser(raw: str, context: ValueContext) -> str:
    name = unquoted(unquoted_word(raw, context), context)
    if not re.fullmatch(r"[A-Za-z_][\w.-]*\$?", name, re.ASCII) or name == "root":
        raise InvalidValue(f'listenuser cannot be "{name[:40]}"', "write the name of a user other than root")
    return name


_EXPIRE = choice_reader(lambda context: [each.value for each in Expire], r"[\w-]+")


def _expire(raw: str, context: ValueContext) -> Expire:
    """Read a word; in YAML also ``true`` or ``false``."""
    return Expire(_EXPIRE(BOOLEANS.get(raw, raw) if context.line.exact else raw, context))


_LOGFORMAT = choice_reader(lambda context: [form.value for form in LogFormat], r"[\w-]+")


def _logformat(raw: str, context: ValueContext) -> LogFormat:
    return LogFormat(_LOGFORMAT(raw, context))


_SCHEDULER = word_reader("[a-z]+", hint="write its name in small letters, as in scheduler=wrr")


def _scheduler(raw: str, context: ValueContext) -> str:
    name = _SCHEDULER(raw, context)
    if name not in _SCHEDULERS:
        hint = suggest(name, _SCHEDULERS) or "the kernel needs a module for it"
        context.warn(Diagnostic(f"{name} is not a scheduler that this version knows", hint))
    return name


def _schedflags(raw: str, context: ValueContext) -> str:
    flags = word_reader(r"[^\s'\"]+", hint=f"write some of {', '.join(_FLAGS)}")(raw, context)
    for flag in filter(None, flags.split(",")):
        if flag not in _FLAGS:
            hint = suggest(flag, _FLAGS) or "leave it out"
            context.warn(Diagnostic(f'"{flag[:40]}" is not a scheduler flag and has no effect', hint))
    return flags


_pe = choice_reader(lambda context: (SIP, NO_ENGINE), r"[\w-]+")


def _persistent(raw: str, context: ValueContext) -> int | None:
    persistence: int = integer(0, MAX_INT)(raw, context)
    if not persistence:
        context.warn(Diagnostic("persistent=0 makes nothing persistent", "leave it out"))
    elif persistence > MAX_PERSISTENCE:
        context.warn(Diagnostic(f"ipvsadm accepts no more than {MAX_PERSISTENCE} seconds", "write less"))
    return persistence or None


def _netmask(raw: str, context: ValueContext) -> str:
    mask = strict_word(raw, context)
    if context.ipv6:
        if not re.fullmatch("[0-9]{1,3}", mask) or not 1 <= int(mask) <= 128:
            raise InvalidValue("the netmask of IPv6 is a prefix length", "write netmask=N, N from 1 to 128")
        return mask
    try:
        return str(IPv4Address(mask))
    except ValueError:
        raise InvalidValue("the netmask is not a dotted quad", "write it as in 255.255.255.0") from None


def _maintenancedir(raw: str, context: ValueContext) -> str:
    directory = nonempty(raw, context)
    if directory.startswith('"'):
        context.warn(Diagnostic("the quotes become part of the directory's name", "leave them out"))
    return directory


def _request(raw: str, context: ValueContext) -> str:
    return with_leading_slash(quoted_string(raw, context))


def _or_off(read: Reader) -> Reader:
    """Return a reader of values that may be ``off``, which is None."""
    return lambda raw, context: None if unquoted_word(raw, context) == "off" else read(raw, context)


def _expectstatus(raw: str, context: ValueContext) -> str:
    statuses = "".join(strict_word(raw, context).split())
    for part in statuses.split(","):
        found = re.fullmatch("([2-9][0-9]{2})(?:-([2-9][0-9]{2}))?", part, re.ASCII)
        if found is None or (found[2] and found[1] > found[2]):
            what = f'expectstatus cannot have "{part[:40]}"'
            raise InvalidValue(what, "write statuses from 200 to 999 and ranges of them, as in 200-299,401")
    return statuses


def _tlsca(raw: str, context: ValueContext) -> Authorities:
    return Authorities(maybe_quoted_string(raw, context))


def _tlsname(raw: str, context: ValueContext) -> str:
    name = unquoted(unquoted_word(raw, context), context)
    try:
        known = re.fullmatch(r"[\w-]+(\.[\w-]+)*", name) and name.encode("idna")
    except UnicodeError:
        known = None
    if not known:
        raise InvalidValue("tlsname is not a host name", "write tlsname=HOST, without a port")
    return name


def _load(raw: str, context: ValueContext) -> None:
    context.warn(Diagnostic("load has no effect", "leave it out"))


def _protocols(context: ValueContext) -> tuple[str, ...]:
    return ("fwm",) if context.mark else ("tcp", "udp")


_ROWS = (
    Directive("virtual", Scope.GLOBAL),
    Directive("virtual6", Scope.GLOBAL),
    Directive("autoreload", Scope.GLOBAL, yes_no),
    Directive("callback", Scope.GLOBAL, commands.callback),
    Directive("controlgroup", Scope.GLOBAL, _group),
    Directive("emailalertfrom", Scope.GLOBAL, nonempty),
    Directive("execute", Scope.GLOBAL, commands.execute),
    Directive("expire", Scope.GLOBAL, _expire),
    Directive("fork", Scope.GLOBAL, yes_no),
    Directive("include", Scope.GLOBAL),
    Directive("listen", Scope.GLOBAL, listening.listen),
    Directive("listenuser", Scope.GLOBAL, _listenuser),
    Directive("logfile", Scope.GLOBAL, quoted_string),
    Directive("logformat", Scope.GLOBAL, _logformat),
    Directive("maintenancedir", Scope.GLOBAL, _maintenancedir),
    Directive("maxchecks", Scope.GLOBAL, integer(1, MAX_INT)),
    Directive("maxexternal", Scope.GLOBAL, integer(1, MAX_INT)),
    Directive("readdquiescent", Scope.GLOBAL, yes_no),
    Directive("reconcile", Scope.GLOBAL, _or_off(seconds(MAX_INT))),
    Directive("resolveinterval", Scope.GLOBAL, seconds(MAX_INT, zero=True)),
    Directive("statusgroup", Scope.GLOBAL, _group),
    Directive("supervised", Scope.GLOBAL, _supervised),
    Directive("workers", Scope.GLOBAL, integer(1, MAX_WORKERS)),
    Directive("checkcount", Scope.BOTH, _checkcount),
    Directive("checkinterval", Scope.BOTH, seconds(MAX_INT)),
    Directive("checktimeout", Scope.BOTH, seconds(MAX_INT)),
    Directive("cleanstop", Scope.BOTH, yes_no),
    Directive("downinterval", Scope.BOTH, seconds(MAX_INT)),
    Directive("drainremoved", Scope.BOTH, seconds(MAX_INT, zero=True)),
    Directive("emailalert", Scope.BOTH, mail.emailalert),
    Directive("emailalertfreq", Scope.BOTH, seconds(MAX_INT, zero=True, leading=True)),
    Directive("emailalertgroup", Scope.BOTH, seconds(MAX_INT, zero=True)),
    Directive("emailalertstatus", Scope.BOTH, mail.emailalertstatus),
    Directive("failurecount", Scope.BOTH, integer(1, MAX_INT)),
    Directive("fallback", Scope.BOTH),
    Directive("fallback6", Scope.BOTH),
    Directive("fallbackcommand", Scope.BOTH, commands.fallbackcommand),
    Directive("fastinterval", Scope.BOTH, seconds(MAX_INT)),
    Directive("flapthreshold", Scope.BOTH, _or_off(integer(2, MAX_CHANGES))),
    Directive("flapwindow", Scope.BOTH, seconds(MAX_INT)),
    Directive("followredirects", Scope.BOTH, yes_no),
    Directive("negotiatetimeout", Scope.BOTH, seconds(MAX_INT)),
    Directive("notify", Scope.BOTH, notifications.notify),
    Directive("notifysecretfile", Scope.BOTH, notifications.notifysecretfile),
    Directive("notifyurl", Scope.BOTH, notifications.notifyurl),
    Directive("panic", Scope.BOTH, _or_off(integer(1, 100))),
    Directive("pe", Scope.BOTH, _pe),
    Directive("quiescent", Scope.BOTH, yes_no),
    Directive("slowstart", Scope.BOTH, _or_off(seconds(MAX_INT))),
    Directive("smtp", Scope.BOTH, mail.smtp),
    Directive("starttls", Scope.BOTH, yes_no),
    Directive("successcount", Scope.BOTH, integer(1, MAX_INT)),
    Directive("tlsca", Scope.BOTH, _tlsca),
    Directive("tlsverify", Scope.BOTH, yes_no),
    Directive("real", Scope.VIRTUAL),
    Directive("real6", Scope.VIRTUAL),
    Directive("checkcommand", Scope.VIRTUAL, maybe_quoted_string),
    Directive("checkport", Scope.VIRTUAL, integer(1, 65535)),
    Directive("checktype", Scope.VIRTUAL, _checktype),
    Directive("comment", Scope.VIRTUAL, free_text),
    Directive("database", Scope.VIRTUAL, quoted_string),
    Directive("expectstatus", Scope.VIRTUAL, _expectstatus),
    Directive("httpmethod", Scope.VIRTUAL, choice_reader(lambda context: ("GET", "HEAD"), r"\w+", str.upper)),
    Directive("load", Scope.VIRTUAL, _load),
    Directive("login", Scope.VIRTUAL, quoted_string),
    Directive("monitorfile", Scope.VIRTUAL, maybe_quoted_string),
    Directive("netmask", Scope.VIRTUAL, _netmask),
    Directive("ops", Scope.VIRTUAL, yes_no),
    Directive("passwd", Scope.VIRTUAL, quoted_string),
    Directive("persistent", Scope.VIRTUAL, _persistent),
    Directive("protocol", Scope.VIRTUAL, choice_reader(_protocols, r"\w+")),
    Directive("receive", Scope.VIRTUAL, quoted_string),
    Directive("request", Scope.VIRTUAL, _request),
    Directive("schedflags", Scope.VIRTUAL, _schedflags),
    Directive("scheduler", Scope.VIRTUAL, _scheduler),
    Directive("secret", Scope.VIRTUAL, quoted_string),
    Directive("service", Scope.VIRTUAL, choice_reader(lambda context: context.kinds, r"\w+")),
    Directive("servicename", Scope.VIRTUAL, free_text),
    Directive("tlsname", Scope.VIRTUAL, _tlsname),
    Directive("virtualhost", Scope.VIRTUAL, virtualhost),
)

DIRECTIVES: Mapping[str, Directive] = {row.name: row for row in _ROWS}

REMOVED: Mapping[str, str] = {
    "timeout": "write checktimeout and negotiatetimeout instead",
    "connecttimeout": "write negotiatetimeout instead",
}
"""Directives of old versions, and their replacements."""
