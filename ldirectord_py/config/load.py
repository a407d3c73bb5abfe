"""A file to a configuration: read, decoded, its names looked up."""

from __future__ import annotations

import importlib.util
import os
import re
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from ldirectord_py.checks import tls
from ldirectord_py.checks.table import installed, kinds
from ldirectord_py.config.addresses import HostName, Names
from ldirectord_py.config.model import Authorities
from ldirectord_py.config.names import hostname, look_up
from ldirectord_py.config.parse import Draft, Parsed, accepted, draft
from ldirectord_py.errors import ConfigError, Problem, Severity
from ldirectord_py.ipvs.table import Address

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.ASCII)

LARGEST = 16 * 2**20  # bytes


def load(path: Path | str, known: Mapping[HostName, Address] = MappingProxyType({})) -> Parsed:
    """Return the configuration in a file; blocks for lookups; raises ConfigError for all that is wrong with it.

    A host name that does not resolve now keeps the address that it is ``known`` by, with a warning.
    """
    return _understood(str(path), _Files(), Names(hostname=hostname()), known)


def again(former: Parsed, hosts: Mapping[HostName, Address]) -> Parsed:
    """Return what a configuration means with other addresses of the host names that it follows.

    The files are not read again. Raises ConfigError, as ``load`` does.
    """
    names = Names({**dict.fromkeys(former.followed), **former.hosts, **hosts}, hostname=hostname())
    return _understood(former.file, _Files(dict(former.contents)), names, {})


@dataclass(slots=True)
class _Files:
    """What files hold, each read once."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def read(self, file: str) -> bytes:
        if file not in self.contents:
            self.contents[file] = _contents(file)
        return self.contents[file]


def _understood(file: str, files: _Files, names: Names, known: Mapping[HostName, Address]) -> Parsed:
    text, warnings = _decoded(files.read(file), file)
    warnings += _left_out(file)
    found = draft(text, file, names, kinds(), _installed)
    while hosts_and_ports := found.unknown(names):
        names = names.joined(look_up(*hosts_and_ports, known=known))
        lost = {host: known[host] for host, address in names.hosts.items() if address is None and host in known}
        warnings += tuple(_kept(file, text, host, address) for host, address in lost.items())
        names = names.joined(Names(lost))
        found = draft(text, file, names, kinds(), _installed)
    parsed = accepted(_with(*_filled(found, file, files, warnings)), names)
    return replace(parsed, contents=files.contents, file=file)


def _left_out(file: str) -> tuple[Problem, ...]:
    """Return a warning for each plug-in that cannot be used."""
    mend = "mend or uninstall that package"
    return tuple(Problem(file, 1, 1, what, mend, Severity.WARNING) for what in installed().refused)


def _kept(file: str, text: str, host: HostName, address: Address) -> Problem:
    line = text.count("\n", 0, max(0, text.find(host.name))) + 1
    what = f'the host name "{host.name}" does not resolve now'
    return Problem(file, line, 1, what, f"its last address {address} is kept", Severity.WARNING)


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _with(found: Draft, warnings: tuple[Problem, ...]) -> Draft:
    problems = sorted((*warnings, *found.problems), key=lambda problem: (problem.line, problem.column))
    return replace(found, problems=tuple(problems))


def _filled(found: Draft, file: str, files: _Files, problems: tuple[Problem, ...]) -> tuple[Draft, tuple[Problem, ...]]:
    """Return the draft with what its files of authorities hold, and the problems with those that are refused."""
    held: dict[str, Authorities] = {}
    for name, line in found.files.items():
        try:
            held[name] = Authorities(name, _certificates(name, files.read(name)))
        except ConfigError as error:
            what = f"tlsca cannot be {name}: {error.problems[0].what}"
            mend = "name a readable file of certificates in PEM"
            problems = (*problems, Problem(file, line.number, line.column, what, mend))
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
        raise _refused(file, "the file holds no certificate in PEM", "name another")
    pem = "\n".join(blocks)
    try:
        tls.context(verify=True, ca=pem)
    except ssl.SSLError:
        raise _refused(file, "the file holds a damaged certificate", "name another") from None
    return pem


def _contents(file: str) -> bytes:
    """Read a whole file of bearable size."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _refused(file, "this is not a regular file", "name a file")
            contents = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refused(file, f"cannot read the file: {reason}", "check its path and permissions") from error
    if len(contents) > LARGEST:
        raise _refused(file, f"the file is larger than {LARGEST >> 20} MB", "name a configuration file")
    if b"\0" in contents:
        number = contents.count(b"\n", 0, contents.index(b"\0")) + 1
        raise _refused(file, "the file holds NUL bytes: it is not text", "save it as UTF-8", number)
    return contents


def _refused(file: str, what: str, mend: str, line: int = 1) -> ConfigError:
    return ConfigError((Problem(file, line, 1, what, mend),))


def _decoded(contents: bytes, file: str) -> tuple[str, tuple[Problem, ...]]:
    try:
        return contents.decode(), ()
    except UnicodeDecodeError as error:
        line = contents.count(b"\n", 0, error.start) + 1
        what = "the line is not UTF-8; the file is read as Latin-1"
        warning = Problem(file, line, 1, what, "save it as UTF-8", Severity.WARNING)
        return contents.decode("latin-1"), (warning,)
