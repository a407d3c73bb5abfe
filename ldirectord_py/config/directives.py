"""Every directive of ldirectord.cf: where it may stand and how its value is read.

A new directive is a row here and a field of the same name in model.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address

from ldirectord_py.config import commands
from ldirectord_py.config.lines import Diagnostic, InvalidValue
from ldirectord_py.config.model import NO_ENGINE, SIP, AlertStatus, Authorities, CheckType
from ldirectord_py.config.server_lines import slashed
from ldirectord_py.config.values import (
    Place,
    Reader,
    choice,
    exact,
    integer,
    nearest,
    paired,
    path,
    plain,
    string,
    strip_comment,
    text,
    unquoted,
    unquoted_word,
    virtualhost,
    word,
    yes_no,
)

YEARS = 2**31 - 1  # seconds: what the kernel and our clocks hold
MOST_WORKERS = 1024
LONGEST_PERSISTENCE = 31 * 86400  # seconds: the most that ipvsadm takes

_SCHEDULERS = ("rr", "wrr", "lc", "wlc", "fo", "ovf", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "twos")
_FLAGS = ("flag-1", "flag-2", "flag-3", "sh-fallback", "sh-port", "mh-fallback", "mh-port")


class Where(Enum):
    """Where a directive may stand; BOTH: once for all virtuals, or in one of them instead."""

    GLOBAL = auto()
    VIRTUAL = auto()
    BOTH = auto()


@dataclass(frozen=True, slots=True)
class Directive:
    """A word of ldirectord.cf; without a reader it is one of those that parse treats by itself."""

    name: str
    where: Where
    read: Reader | None = None


def _supervised(raw: str, place: Place) -> bool:
    if place.line.equals:
        return yes_no(raw, place)
    place.warn(Diagnostic("supervised stands alone", "write supervised=yes"))
    return True


def _checkcount(raw: str, place: Place) -> int:
    place.warn(Diagnostic("checkcount holds for ping only and is deprecated", "see failurecount"))
    count: int = integer(1, YEARS)(raw, place)
    return count


def _checktype(raw: str, place: Place) -> tuple[CheckType, int | None]:
    """Read a word, or a number anywhere in the value: that many connects to each negotiation."""
    if re.search(r"[0-9]", unquoted_word(raw)):
        return CheckType.COMBINED, integer(0, YEARS)(raw, place)
    return CheckType(_CHECKTYPE(raw, place)), None


_CHECKTYPE = choice(lambda place: [kind.value for kind in CheckType if kind is not CheckType.COMBINED], r"[\w-]+")


_SCHEDULER = word("[a-z]+", mend="write its name in small letters, as in scheduler=wrr")


def _scheduler(raw: str, place: Place) -> str:
    name = _SCHEDULER(raw, place)
    if name not in _SCHEDULERS:
        hint = nearest(name, _SCHEDULERS) or "mind that the kernel needs a module for it"
        place.warn(Diagnostic(f"{name} is not a scheduler that this version knows", hint))
    return name


def _schedflags(raw: str, place: Place) -> str:
    flags = word(r"[^\s'\"]+", mend=f"write some of {', '.join(_FLAGS)}")(raw, place)
    for flag in filter(None, flags.split(",")):
        if flag not in _FLAGS:
            hint = nearest(flag, _FLAGS) or "leave it out"
            place.warn(Diagnostic(f'"{flag[:40]}" is not a scheduler flag and has no effect', hint))
    return flags


_pe = choice(lambda place: (SIP, NO_ENGINE), r"[\w-]+")


def _persistent(raw: str, place: Place) -> int | None:
    seconds: int = integer(0, YEARS)(raw, place)
    if not seconds:
        place.warn(Diagnostic("persistent=0 makes nothing persistent", "leave it out"))
    elif seconds > LONGEST_PERSISTENCE:
        place.warn(Diagnostic(f"ipvsadm takes no more than {LONGEST_PERSISTENCE} seconds", "write less"))
    return seconds or None


def _netmask(raw: str, place: Place) -> str:
    mask = exact(raw, place)
    if place.ipv6:
        if not re.fullmatch("[0-9]{1,3}", mask) or not 1 <= int(mask) <= 128:
            raise InvalidValue("the netmask of IPv6 is a prefix length", "write netmask=N, N from 1 to 128")
        return mask
    try:
        return str(IPv4Address(mask))
    except ValueError:
        raise InvalidValue("the netmask is not a dotted quad", "write it as in 255.255.255.0") from None


def _emailalert(raw: str, place: Place) -> str:
    address = strip_comment(raw, paired).strip()
    enclosed = re.fullmatch('"([^"]*)"', address)
    address = enclosed[1] if enclosed else address
    if not address:
        raise InvalidValue("emailalert is empty", "give it a value or leave the line out")
    return address


def _emailalertstatus(raw: str, place: Place) -> tuple[AlertStatus, ...]:
    words = [part.strip() for part in exact(raw, place).rstrip(", \t").split(",")]
    if words == [""]:
        place.warn(Diagnostic("no state is named, so no mail is sent", "write emailalertstatus=none"))
        return ()
    for name in words:
        if name not in _STATUS:
            hint = nearest(name, _STATUS) or f"write some of {', '.join(_STATUS)}"
            raise InvalidValue(f'emailalertstatus cannot be "{name}"', hint)
    if "none" in words and len(set(words)) > 1:
        raise InvalidValue('"none" stands together with other states', "write none alone, or leave it out")
    return tuple(status for status in AlertStatus if status in words or "all" in words)


_STATUS = ("all", "none", *AlertStatus)


def _smtp(raw: str, place: Place) -> str:
    server = unquoted(unquoted_word(raw), place)
    found = re.match(r"([0-9A-Za-z._+-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?", server)
    if found is None or (found[1][0] == "[" and not _is_ipv6(found[1][1:-1])):
        raise InvalidValue("smtp is not a host name or an address", "write smtp=HOST or smtp=HOST:PORT")
    if found[2] and not 1 <= int(found[2][:6]) <= 65535:
        raise InvalidValue("smtp has no port from 1 to 65535", f"write smtp={found[1]}:25", found.start(2))
    if found[0] != server:
        place.warn(Diagnostic("what follows the host is ignored", f"write smtp={found[0]}"))
    return found[0]


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except ValueError:
        return False


def _maintenancedir(raw: str, place: Place) -> str:
    directory = plain(raw, place)
    if directory.startswith('"'):
        place.warn(Diagnostic("the quotes become part of the directory's name", "leave them out"))
    return directory


def _request(raw: str, place: Place) -> str:
    return slashed(string(raw, place))


def _reconcile(raw: str, place: Place) -> int | None:
    seconds: int | None = None if unquoted_word(raw) == "off" else integer(1, YEARS)(raw, place)
    return seconds


def _expectstatus(raw: str, place: Place) -> str:
    statuses = "".join(exact(raw, place).split())
    for part in statuses.split(","):
        found = re.fullmatch("([2-9][0-9]{2})(?:-([2-9][0-9]{2}))?", part, re.ASCII)
        if found is None or (found[2] and found[1] > found[2]):
            what = f'expectstatus cannot have "{part[:40]}"'
            raise InvalidValue(what, "write statuses from 200 to 999 and ranges of them, as in 200-299,401")
    return statuses


def _tlsca(raw: str, place: Place) -> Authorities:
    return Authorities(path(raw, place))


def _tlsname(raw: str, place: Place) -> str:
    name = unquoted(unquoted_word(raw), place)
    try:
        known = re.fullmatch(r"[\w-]+(\.[\w-]+)*", name) and name.encode("idna")
    except UnicodeError:
        known = None
    if not known:
        raise InvalidValue("tlsname is not a host name", "write tlsname=HOST, without a port")
    return name


def _load(raw: str, place: Place) -> None:
    place.warn(Diagnostic("load has no effect", "leave it out"))


def _protocols(place: Place) -> tuple[str, ...]:
    return ("fwm",) if place.mark else ("tcp", "udp")


_ROWS = (
    Directive("virtual", Where.GLOBAL),
    Directive("virtual6", Where.GLOBAL),
    Directive("autoreload", Where.GLOBAL, yes_no),
    Directive("callback", Where.GLOBAL, commands.callback),
    Directive("emailalertfrom", Where.GLOBAL, plain),
    Directive("execute", Where.GLOBAL, commands.execute),
    Directive("fork", Where.GLOBAL, yes_no),
    Directive("include", Where.GLOBAL),
    Directive("logfile", Where.GLOBAL, string),
    Directive("maintenancedir", Where.GLOBAL, _maintenancedir),
    Directive("maxchecks", Where.GLOBAL, integer(1, YEARS)),
    Directive("maxexternal", Where.GLOBAL, integer(1, YEARS)),
    Directive("readdquiescent", Where.GLOBAL, yes_no),
    Directive("reconcile", Where.GLOBAL, _reconcile),
    Directive("resolveinterval", Where.GLOBAL, integer(0, YEARS)),
    Directive("supervised", Where.GLOBAL, _supervised),
    Directive("workers", Where.GLOBAL, integer(1, MOST_WORKERS)),
    Directive("checkcount", Where.BOTH, _checkcount),
    Directive("checkinterval", Where.BOTH, integer(1, YEARS)),
    Directive("checktimeout", Where.BOTH, integer(1, YEARS)),
    Directive("cleanstop", Where.BOTH, yes_no),
    Directive("emailalert", Where.BOTH, _emailalert),
    Directive("emailalertfreq", Where.BOTH, integer(0, YEARS, leading=True)),
    Directive("emailalertgroup", Where.BOTH, integer(0, YEARS)),
    Directive("emailalertstatus", Where.BOTH, _emailalertstatus),
    Directive("failurecount", Where.BOTH, integer(1, YEARS)),
    Directive("fallback", Where.BOTH),
    Directive("fallback6", Where.BOTH),
    Directive("fallbackcommand", Where.BOTH, commands.fallbackcommand),
    Directive("followredirects", Where.BOTH, yes_no),
    Directive("negotiatetimeout", Where.BOTH, integer(1, YEARS)),
    Directive("pe", Where.BOTH, _pe),
    Directive("quiescent", Where.BOTH, yes_no),
    Directive("smtp", Where.BOTH, _smtp),
    Directive("starttls", Where.BOTH, yes_no),
    Directive("successcount", Where.BOTH, integer(1, YEARS)),
    Directive("tlsca", Where.BOTH, _tlsca),
    Directive("tlsverify", Where.BOTH, yes_no),
    Directive("real", Where.VIRTUAL),
    Directive("real6", Where.VIRTUAL),
    Directive("checkcommand", Where.VIRTUAL, path),
    Directive("checkport", Where.VIRTUAL, integer(1, 65535)),
    Directive("checktype", Where.VIRTUAL, _checktype),
    Directive("comment", Where.VIRTUAL, text),
    Directive("database", Where.VIRTUAL, string),
    Directive("expectstatus", Where.VIRTUAL, _expectstatus),
    Directive("httpmethod", Where.VIRTUAL, choice(lambda place: ("GET", "HEAD"), r"\w+", str.upper)),
    Directive("load", Where.VIRTUAL, _load),
    Directive("login", Where.VIRTUAL, string),
    Directive("monitorfile", Where.VIRTUAL, path),
    Directive("netmask", Where.VIRTUAL, _netmask),
    Directive("ops", Where.VIRTUAL, yes_no),
    Directive("passwd", Where.VIRTUAL, string),
    Directive("persistent", Where.VIRTUAL, _persistent),
    Directive("protocol", Where.VIRTUAL, choice(_protocols, r"\w+")),
    Directive("receive", Where.VIRTUAL, string),
    Directive("request", Where.VIRTUAL, _request),
    Directive("schedflags", Where.VIRTUAL, _schedflags),
    Directive("scheduler", Where.VIRTUAL, _scheduler),
    Directive("secret", Where.VIRTUAL, string),
    Directive("service", Where.VIRTUAL, choice(lambda place: place.kinds, r"\w+")),
    Directive("servicename", Where.VIRTUAL, text),
    Directive("tlsname", Where.VIRTUAL, _tlsname),
    Directive("virtualhost", Where.VIRTUAL, virtualhost),
)

DIRECTIVES: Mapping[str, Directive] = {row.name: row for row in _ROWS}

REMOVED: Mapping[str, str] = {
    "timeout": "write checktimeout and negotiatetimeout instead",
    "connecttimeout": "write negotiatetimeout instead",
}
"""Words of old versions, and what replaced them."""
