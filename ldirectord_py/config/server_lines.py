"""Parses the lines that name servers: ``virtual``, ``real`` and ``fallback``; looks up no names."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address
from typing import NamedTuple

from ldirectord_py.config.addresses import plain_address
from ldirectord_py.config.diagnostics import Diagnostic, InvalidValue
from ldirectord_py.config.lines import TAB
from ldirectord_py.config.model import Forward
from ldirectord_py.config.values import (
    HASH_IN_QUOTES,
    list_choices,
    quotes_closed,
    strip_comment,
    suggest,
    unquoted_word,
)

_HOST = r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]"
_PORT = r"[A-Za-z0-9_-]+"
_FORWARDS = tuple(forward.value for forward in Forward)
_METHODS = {forward.value: forward for forward in Forward}

_REAL = re.compile(rf"(?<![A-Za-z0-9._-])({_HOST})(?:->({_HOST}))?(?:(::?)({_PORT}))?\s+(.*)", re.ASCII)
_BARE_REAL = re.compile(rf"(?:{_HOST})(?:->(?:{_HOST}))?(?:::?{_PORT})?\s*", re.ASCII)
_ADDRESS = re.compile(rf"({_HOST})(?:->({_HOST}))?(?:::?({_PORT}))?", re.ASCII)
_METHOD = re.compile(r"([^\w]*)(\w+)(.*)", re.ASCII)
_WEIGHT = re.compile(r"(\s+[^\s\"]+(?=\s))??\s+([0-9]+)(?=\s|$)(.*)", re.ASCII)
_PAIR = re.compile(r'\s+"(.*)"[, ]\s*"(.*)"\s*', re.ASCII)
_THRESHOLD = re.compile(r'\s"?<?([lu]):([0-9]+)>?"?$')
MAX_WEIGHT = 2**31 - 1
MAX_IPVSADM_WEIGHT = 65535
MAX_THRESHOLD = 2**32 - 1
_NO_BRACKETS = ("this looks like an IPv6 address without brackets", "write [ADDRESS]:PORT")
_REAL_FORM = 'write ADDRESS[:PORT] gate|masq|ipip [WEIGHT] ["REQUEST", "RECEIVE"] [l:N] [u:N]'

_VIRTUAL = re.compile(r"([0-9A-Za-z._+-]+|\[[0-9A-Fa-f:.]+\]):([0-9A-Za-z_-]+)(.*)", re.ASCII)
_MARK = re.compile(r"([0-9]+)(.*)", re.ASCII)
_FALLBACK = re.compile(rf"(\[[^\]]*\]|[^\[\]]*?)(?:(::?)({_PORT}))?", re.ASCII)


class RealOptions(NamedTuple):
    """The part of a ``real`` after its address: forwarding method, weight, request, receive and thresholds."""

    forward: Forward
    weight: int
    request: str | None
    receive: str
    lower: int
    upper: int
    diagnostics: tuple[Diagnostic, ...]


class RealLine(NamedTuple):
    """A ``real``: one server, or those from ``host`` to ``last``; ``port`` is "" if there is none.

    ``address`` is that of a host in four decimal numbers, as most are.
    """

    host: str
    last: str | None
    port: str
    options: RealOptions
    diagnostics: tuple[Diagnostic, ...]
    address: IPv4Address | None


class FallbackLine(NamedTuple):
    """A ``fallback``; ``port`` is "" for the virtual's port."""

    host: str
    port: str
    forward: Forward
    diagnostics: tuple[Diagnostic, ...] = ()


class VirtualLine(NamedTuple):
    """A ``virtual``: a firewall ``mark``, or a host and a port."""

    host: str
    port: str
    mark: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def with_leading_slash(request: str) -> str:
    """Return a request with a slash at its start, which the original adds."""
    return request if request.startswith("/") else f"/{request}"


def parse_virtual(value: str) -> VirtualLine:
    """Parse the value of ``virtual`` or ``virtual6``; raises InvalidValue."""
    found = _VIRTUAL.match(value)
    if found:
        host, port, rest = found.groups()
        if rest.startswith(":") and "." not in host:
            raise InvalidValue(*_NO_BRACKETS)
        return VirtualLine(host, port, diagnostics=_ignored(rest, found.start(3)))
    found = _MARK.match(value)
    if not found:
        raise InvalidValue("no address and port, and no firewall mark", "write ADDRESS:PORT, [IPv6]:PORT or a number")
    mark, rest = found.groups()
    if len(mark.lstrip("0")) > 10 or int(mark) >= 2**32:
        raise InvalidValue("the firewall mark is too large", "write a number up to 4294967295")
    return VirtualLine("", "", int(mark), _mark_diagnostics(value, int(mark), rest))


def _mark_diagnostics(value: str, mark: int, rest: str) -> tuple[Diagnostic, ...]:
    if rest and not rest[0].isspace() and rest[0] != "#":
        text = unquoted_word(value).split()[0]
        what = f'"{text}" has no port and is read as firewall mark {mark}'
        return (Diagnostic(what, f"write {text}:PORT for an address, or {mark}"),)
    if not mark:
        return (Diagnostic("no packet carries firewall mark 0", "write the mark that the firewall sets"),)
    return _ignored(rest, len(value) - len(rest))


def _ignored(rest: str, at: int) -> tuple[Diagnostic, ...]:
    text = unquoted_word(rest).strip()
    return (Diagnostic(f'"{text[:40]}" is ignored', "remove it", at),) if text else ()


def parse_real(value: str) -> RealLine:
    """Parse the value of ``real`` or ``real6``; raises InvalidValue."""
    text = (strip_comment(value, quotes_closed) if "#" in value else value).rstrip()
    found = _REAL.match(text) or _REAL.search(text)
    if found is None:
        raise _real_error(text)
    if found.start() and text.count(":", 0, found.start()) > 1:
        raise InvalidValue(*_NO_BRACKETS)
    host, last, colons, port, rest = found.groups()
    options = _options_at(rest, found.start(5))
    diagnostics = options.diagnostics and tuple(each.shifted(found.start(5)) for each in options.diagnostics)
    if found.start() or colons == "::" or "#" in text:
        diagnostics = (*_ignored_characters(text, found, colons), *diagnostics)
    return RealLine(host, last, port or "", options, diagnostics, plain_address(host))


def parse_address(text: str) -> tuple[str, str | None, str]:
    """Return host, last host of a range, and port ("" if there is none) of a real server; raises InvalidValue."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise InvalidValue("this is not the address of a real server", "write ADDRESS[:PORT] or [IPv6]:PORT")
    host, last, port = found.groups()
    return host, last, port or ""


def _real_error(text: str) -> InvalidValue:
    if _BARE_REAL.fullmatch(text):
        return InvalidValue(
            "the forwarding method is missing", "write gate, masq or ipip behind the address", len(text)
        )
    return InvalidValue("this is not the address of a real server", _REAL_FORM)


def _ignored_characters(text: str, found: re.Match[str], colons: str | None) -> list[Diagnostic]:
    diagnostics = []
    if found.start():
        diagnostics.append(Diagnostic(f'"{text[: found.start()][:40]}" before the address is ignored', "remove it"))
    if colons == "::":
        diagnostics.append(Diagnostic("two colons before the port are read as one", "write one", found.start(3)))
    if "#" in text:
        diagnostics.append(Diagnostic(*HASH_IN_QUOTES, text.index("#")))
    return diagnostics


def _options_at(rest: str, at: int) -> RealOptions:
    try:
        return _parse_options(rest)
    except InvalidValue as error:
        raise InvalidValue(error.diagnostic.what, error.diagnostic.hint, error.diagnostic.offset + at) from None


@lru_cache(maxsize=4096)
def _parse_options(rest: str) -> RealOptions:
    """Parse method, weight, strings and thresholds.

    Cached, as most lines of a file have the same: saves 4 us a line, 40 ms for 10,000 servers.
    """
    found = _METHOD.match(rest)
    if found is None or found[2] not in _METHODS:
        word = found[2] if found else ""
        what = f'the forwarding method cannot be "{word}"' if word else "the forwarding method is missing"
        raise InvalidValue(what, suggest(word, _FORWARDS) or f"write {list_choices(_FORWARDS)}")
    diagnostics: list[Diagnostic] = []
    if found[1]:
        diagnostics.append(Diagnostic("the text before the forwarding method is ignored", "remove it"))
    quoted = found[1].endswith('"')
    return _finish_options(
        _METHODS[found[2]], found[3].removeprefix('"') if quoted else found[3], found.start(3), diagnostics
    )


def _finish_options(forward: Forward, rest: str, at: int, diagnostics: list[Diagnostic]) -> RealOptions:
    rest, bounds = _thresholds(rest, at)
    weight, rest = _weight(rest, at, diagnostics)
    lower, upper = bounds.get("l", 0), bounds.get("u", 0)
    if lower > upper:
        diagnostics.append(Diagnostic("the kernel accepts no lower threshold above the upper one", "correct u:N", at))
    request, receive = _request_and_receive(rest, at) if rest.strip() else (None, "")
    return RealOptions(forward, weight, request, receive, lower, upper, tuple(diagnostics))


def _weight(rest: str, at: int, diagnostics: list[Diagnostic]) -> tuple[int, str]:
    """Return the weight, 1 if there is none, and the text after it."""
    found = _WEIGHT.match(rest)
    if found is None:
        return 1, rest
    before, digits, rest = found.groups()
    if len(digits) > 10 or int(digits) > MAX_WEIGHT:
        raise InvalidValue("the weight is too large", f"write a number up to {MAX_WEIGHT}", at)
    if before:
        diagnostics.append(Diagnostic(f'"{before.strip()[:40]}" before the weight is ignored', "remove it", at))
    if int(digits) > MAX_IPVSADM_WEIGHT:
        diagnostics.append(
            Diagnostic(f"ipvsadm accepts no weight above {MAX_IPVSADM_WEIGHT}", "write a smaller one", at)
        )
    return int(digits), rest


def _thresholds(rest: str, at: int) -> tuple[str, dict[str, int]]:
    """Split ``l:N`` and ``u:N`` off the end: in any order, with or without quotes or angle brackets."""
    bounds: dict[str, int] = {}
    while found := _THRESHOLD.search(rest):
        which, digits = found.groups()
        if which in bounds:
            raise InvalidValue(f"{which}: is given twice", "leave one out", at + found.start())
        if len(digits) > 10 or int(digits) > MAX_THRESHOLD:
            raise InvalidValue(
                "the threshold is too large", f"write a number up to {MAX_THRESHOLD}", at + found.start()
            )
        bounds[which] = int(digits)
        rest = rest[: found.start()].rstrip()
    return rest, bounds


def _request_and_receive(rest: str, at: int) -> tuple[str, str]:
    """Return request and receive."""
    found = _PAIR.fullmatch(rest)
    if found is None:
        raise InvalidValue(f"cannot read {rest.strip()[:60]}", _REAL_FORM, at)
    request, receive = (part.replace("\t", " " * TAB) for part in found.groups())
    return with_leading_slash(request), receive


def parse_fallback(value: str) -> FallbackLine:
    """Parse the value of ``fallback`` or ``fallback6``; raises InvalidValue."""
    words = unquoted_word(value).strip('"').split()
    if not 1 <= len(words) <= 2:
        raise InvalidValue("not a fallback server", "write ADDRESS[:PORT] [gate|masq|ipip]")
    found = _FALLBACK.fullmatch(words[0])
    if found is None or not found[1] or (":" in found[1] and found[1][0] != "["):
        raise InvalidValue(f'"{words[0][:60]}" is no address and port', "write ADDRESS:PORT or [IPv6]:PORT")
    method = words[1] if len(words) == 2 else "gate"
    if method not in _METHODS:
        hint = suggest(method, _FORWARDS) or f"write {list_choices(_FORWARDS)}"
        raise InvalidValue(f'the forwarding method cannot be "{method[:40]}"', hint)
    diagnostics = []
    if found[2] == "::":
        diagnostics.append(Diagnostic("two colons before the port are read as one", "write one"))
    if '"' in value.partition("#")[0]:
        diagnostics.append(Diagnostic("the quotes are not needed here", "leave them out"))
    return FallbackLine(found[1], found[3] or "", _METHODS[method], tuple(diagnostics))
