"""A file to a configuration: read, decoded, its names looked up."""

from __future__ import annotations

import importlib.util
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from ldirectord_py.address import Address
from ldirectord_py.checks.registry import installed, kinds
from ldirectord_py.checks.transport import tls
from ldirectord_py.config.addresses import HostName, Names
from ldirectord_py.config.files import Files, file_error
from ldirectord_py.config.include import Texts, in_order
from ldirectord_py.config.lines import Text, split_lines
from ldirectord_py.config.model import Authorities
from ldirectord_py.config.names import hostname, look_up
from ldirectord_py.config.parse import Draft, Parsed, accepted, draft
from ldirectord_py.errors import ConfigError, Problem, Severity

_WORD = re.compile(r"(?:[A-Za-z0-9._]|-(?!>))+")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.ASCII)


def load(
    path: Path | str, known: Mapping[HostName, Address] = MappingProxyType({}), files: Files | None = None
) -> Parsed:
    """Return the configuration in a file and those that it includes; blocks; raises ConfigError for all that is wrong.

    A host name that does not resolve now keeps the address that it is ``known`` by, with a warning. What is read can
    be found in ``files`` afterwards, however it ends.
    """
    return _understood(str(path), files or Files(), Names(hostname=hostname()), known)


def reparse(former: Parsed, hosts: Mapping[HostName, Address]) -> Parsed:
    """Return what a configuration means with other addresses of the host names that it follows.

    The files are not read again. Raises ConfigError, as ``load`` does.
    """
    names = Names({**dict.fromkeys(former.watched_hosts), **former.hosts, **hosts}, hostname=hostname())
    return _understood(former.file, Files(former.contents), names, {})


def _understood(file: str, files: Files, names: Names, known: Mapping[HostName, Address]) -> Parsed:
    texts = Texts(files.text(file), files)
    warnings = _left_out(file)
    found = draft(texts, names, kinds(), _installed)
    while hosts_and_ports := found.unknown(names):
        names = names.joined(look_up(*hosts_and_ports, known=known))
        lost = {host: known[host] for host, address in names.hosts.items() if address is None and host in known}
        warnings += tuple(_kept([*map(files.text, found.files)], lost) if lost else ())
        names = names.joined(Names(lost))
        found = draft(texts, names, kinds(), _installed)
    parsed = accepted(_with(*_filled(found, files, warnings)), names)
    return replace(parsed, contents=files.contents, file=file)


def _left_out(file: str) -> tuple[Problem, ...]:
    """Return a warning for each plug-in that cannot be used."""
    hint = "fix or uninstall that package"
    return tuple(Problem(file, 1, 1, what, hint, Severity.WARNING) for what in installed().refused)


def _kept(texts: Sequence[Text], lost: Mapping[HostName, Address]) -> Iterator[Problem]:
    """Yield a warning for each host name that was lost, at the first line that has it."""
    places = _places(texts, {host.name for host in lost})
    for host, address in lost.items():
        what = f'the host name "{host.name}" does not resolve now'
        place = places.get(host.name, (texts[0].file, 1, 1))
        yield Problem(*place, what, f"its last address {address} is kept", Severity.WARNING)


def _places(texts: Iterable[Text], names: AbstractSet[str]) -> dict[str, tuple[str, int, int]]:
    """Return file, line and column where each name stands first."""
    places: dict[str, tuple[str, int, int]] = {}
    for line in chain.from_iterable(map(split_lines, texts)):
        for word in _WORD.finditer(line.value):
            if word[0] in names:
                places.setdefault(word[0], (line.file, line.number, line.column + word.start()))
    return places


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _with(found: Draft, warnings: tuple[Problem, ...]) -> Draft:
    return replace(found, problems=in_order((*warnings, *found.problems), found.files))


def _filled(found: Draft, files: Files, problems: tuple[Problem, ...]) -> tuple[Draft, tuple[Problem, ...]]:
    """Return the draft with what its files of authorities hold, and the problems with those that are refused."""
    held: dict[str, Authorities] = {}
    for name, line in found.authorities.items():
        try:
            held[name] = Authorities(name, _certificates(name, files.binary(name)))
        except ConfigError as error:
            what = f"tlsca cannot be {name}: {error.problems[0].what}"
            hint = "name a readable file of certificates in PEM"
            problems = (*problems, Problem(line.file, line.number, line.column, what, hint))
    if any(virtual.tlsverify and not virtual.tlsca for virtual in found.config.virtuals):
        tls.context(verify=True)  # takes 20 ms, which the event loop should not spend
    virtuals = tuple(
        replace(virtual, tlsca=held.get(virtual.tlsca.file)) if virtual.tlsca else virtual
        for virtual in found.config.virtuals
    )
    return replace(found, config=replace(found.config, virtuals=virtuals)), problems


def _certificates(file: str, contents: bytes) -> str:
    """Return the certificates that a file holds, without the rest of it; raises ConfigError where none are good."""
    blocks = _CERTIFICATE.findall(contents.decode("latin-1"))
    if not blocks:
        raise file_error(file, "the file holds no certificate in PEM", "name another")
    pem = "\n".join(blocks)
    try:
        tls.context(verify=True, ca=pem)
    except ssl.SSLError:
        raise file_error(file, "the file holds a damaged certificate", "name another") from None
    return pem
