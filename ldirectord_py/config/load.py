"""File to configuration: reads the files, looks up the names, and parses."""

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
from ldirectord_py.config.build import build
from ldirectord_py.config.diagnostics import in_order
from ldirectord_py.config.files import Files, file_error
from ldirectord_py.config.include import Texts, lines_of
from ldirectord_py.config.lines import Line, Text
from ldirectord_py.config.model import Authorities, Config
from ldirectord_py.config.names import hostname, look_up
from ldirectord_py.config.parse import Parsed, accept
from ldirectord_py.config.syntax import NameReferences, SyntaxTree, collect_names, read_syntax
from ldirectord_py.config.virtual_checks import VirtualRules
from ldirectord_py.errors import ConfigError, Problem, Severity

_WORD = re.compile(r"(?:[A-Za-z0-9._]|-(?!>))+")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.ASCII)


def load(
    path: Path | str, known: Mapping[HostName, Address] = MappingProxyType({}), files: Files | None = None
) -> Parsed:
    """Read a file with its includes, and look up the names; blocks; raises ConfigError with every Problem.

    A host name that does not resolve now keeps its ``known`` address, with a warning. ``files`` holds the contents of
    the files afterwards, also after an error.
    """
    return _load(str(path), files or Files(), Names(hostname=hostname()), known)


def reparse(former: Parsed, hosts: Mapping[HostName, Address]) -> Parsed:
    """Return a configuration with other addresses for its host names, without reading its files again.

    Raises ConfigError, as ``load`` does.
    """
    names = Names({**dict.fromkeys(former.watched_hosts), **former.hosts, **hosts}, hostname=hostname())
    return _load(former.file, Files(former.contents), names, {})


def _load(file: str, files: Files, names: Names, known: Mapping[HostName, Address]) -> Parsed:
    texts = Texts(files.text(file), files)
    problems: list[Problem] = []
    tree = read_syntax(texts, kinds(), problems)
    references = collect_names(tree)
    names, kept = _resolve(references, names, known)
    config = build(tree, names, VirtualRules(kinds(), _is_installed, problems))
    config, certificate_problems = _with_certificates(config, tree, files)
    warnings = (*_unusable_plugins(file), *_kept_addresses([*map(files.text, tree.files)] if kept else (), kept))
    problems = [*warnings, *certificate_problems, *problems]
    parsed = accept(config, in_order(problems, tree.files), references, names)
    return replace(parsed, contents=files.contents, file=file, digest=files.contents.digest)


def _resolve(
    references: NameReferences, names: Names, known: Mapping[HostName, Address]
) -> tuple[Names, Mapping[HostName, Address]]:
    """Return ``names`` and those looked up now; and the known addresses that names keep, as they do not resolve."""
    hosts = (references.servers | references.virtuals) - names.hosts.keys()
    ports = references.ports - names.ports.keys()
    if not hosts and not ports:
        return names, {}
    found = look_up(hosts, ports, known=known)
    kept = {host: known[host] for host, address in found.hosts.items() if address is None and host in known}
    return names.joined(found).joined(Names(kept)), kept


def _unusable_plugins(file: str) -> tuple[Problem, ...]:
    """Return a warning for each plug-in that cannot be used."""
    hint = "fix or uninstall that package"
    return tuple(Problem(file, 1, 1, what, hint, Severity.WARNING) for what in installed().refused)


def _kept_addresses(texts: Sequence[Text], kept: Mapping[HostName, Address]) -> Iterator[Problem]:
    """Yield a warning for each host name that keeps its last address, at the first line that has the name."""
    places = _places(texts, {host.name for host in kept})
    for host, address in kept.items():
        what = f'the host name "{host.name}" does not resolve now'
        place = places.get(host.name, (texts[0].file, 1, 1))
        yield Problem(*place, what, f"its last address {address} is kept", Severity.WARNING)


def _places(texts: Iterable[Text], names: AbstractSet[str]) -> dict[str, tuple[str, int, int]]:
    """Return file, line and column of the first occurrence of each name."""
    places: dict[str, tuple[str, int, int]] = {}
    for line in chain.from_iterable(lines_of(text, []) for text in texts):
        for word in _WORD.finditer(line.value):
            if word[0] in names:
                places.setdefault(word[0], (line.file, line.number, line.column + word.start()))
    return places


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _with_certificates(config: Config, tree: SyntaxTree, files: Files) -> tuple[Config, list[Problem]]:
    """Return the configuration with the contents of its ``tlsca`` files, and a Problem for each unusable file."""
    authorities: dict[str, Authorities] = {}
    problems: list[Problem] = []
    for name, line in _tlsca_lines(tree).items():
        try:
            authorities[name] = Authorities(name, _certificates(name, files.binary(name)))
        except ConfigError as error:
            what = f"tlsca cannot be {name}: {error.problems[0].what}"
            hint = "name a readable file of certificates in PEM"
            problems.append(Problem(line.file, line.number, line.column, what, hint))
    if any(virtual.tlsverify and not virtual.tlsca for virtual in config.virtuals):
        tls.context(verify=True)  # takes 20 ms, which the event loop should not spend
    virtuals = tuple(
        replace(virtual, tlsca=authorities.get(virtual.tlsca.file)) if virtual.tlsca else virtual
        for virtual in config.virtuals
    )
    return replace(config, virtuals=virtuals), problems


def _tlsca_lines(tree: SyntaxTree) -> dict[str, Line]:
    """Return the files of ``tlsca``, each with the first line that names it."""
    lines: dict[str, Line] = {}
    for settings in (tree.globals, *(section.settings for section in tree.virtuals)):
        if "tlsca" in settings.values:
            lines.setdefault(settings.values["tlsca"].file, settings.lines["tlsca"])
    return lines


def _certificates(file: str, contents: bytes) -> str:
    """Return the certificates in a file, without other text; raises ConfigError if there is none or one is damaged."""
    blocks = _CERTIFICATE.findall(contents.decode("latin-1"))
    if not blocks:
        raise file_error(file, "the file holds no certificate in PEM", "name another")
    pem = "\n".join(blocks)
    try:
        tls.context(verify=True, ca=pem)
    except ssl.SSLError:
        raise file_error(file, "the file holds a damaged certificate", "name another") from None
    return pem
