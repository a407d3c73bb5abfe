"""Text to configuration, with all errors and warnings at once, for host and service names that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ldirectord_py.address import Address
from ldirectord_py.checks.base import Kind
from ldirectord_py.config.addresses import HostName, Names
from ldirectord_py.config.build import build
from ldirectord_py.config.diagnostics import in_order
from ldirectord_py.config.include import Contents, Texts
from ldirectord_py.config.lines import Text
from ldirectord_py.config.model import Config
from ldirectord_py.config.syntax import NameReferences, collect_names, read_syntax
from ldirectord_py.config.virtual_checks import IsInstalled, VirtualRules
from ldirectord_py.errors import ConfigError, Problem, Severity


@dataclass(frozen=True, slots=True)
class Parsed:
    """A configuration without errors, its warnings, and the addresses of its host names.

    ``watched_hosts`` are the names whose addresses may change at run time: all but those of virtuals.
    ``contents`` are the files that it was read from, ``digest`` is theirs; ``file`` is the main file, as it was named
    then.
    """

    config: Config
    warnings: tuple[Problem, ...] = ()
    hosts: Mapping[HostName, Address] = field(default_factory=dict)
    watched_hosts: frozenset[HostName] = frozenset()
    contents: Contents = field(default_factory=Contents, repr=False, compare=False)
    file: str = field(default="", compare=False)
    digest: str = field(default="", compare=False)


def _always(_module: str) -> bool:
    return True


def parse(text: str, file: str, names: Names, kinds: Mapping[str, Kind], is_installed: IsInstalled = _always) -> Parsed:
    """Return the configuration of a text that includes no file; raises ConfigError with every Problem."""
    return parse_files(Texts(Text(file, text)), names, kinds, is_installed)


def parse_files(texts: Texts, names: Names, kinds: Mapping[str, Kind], is_installed: IsInstalled = _always) -> Parsed:
    """Return the configuration of a file and those that it includes; raises ConfigError with every Problem.

    A host name that ``names`` does not have counts as one that does not resolve. ``is_installed`` returns whether the
    module exists that a kind of service names as its driver.
    """
    problems: list[Problem] = []
    tree = read_syntax(texts, kinds, problems)
    config = build(tree, names, VirtualRules(kinds, is_installed, problems))
    return accept(config, in_order(problems, tree.files), collect_names(tree), names)


def accept(config: Config, problems: Sequence[Problem], references: NameReferences, names: Names) -> Parsed:
    """Return a configuration without errors as Parsed; raises ConfigError if one of the problems is an error."""
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise ConfigError(tuple(problems))
    used = references.servers | references.virtuals
    hosts = {host: address for host in used if (address := names.hosts.get(host)) is not None}
    return Parsed(config, tuple(problems), hosts, references.servers - references.virtuals)
