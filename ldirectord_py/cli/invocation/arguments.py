"""The grammar of the command line: ``[-d] [--] [CONFIG] COMMAND [options]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ldirectord_py.cli.invocation.commands import CommandInfo
from ldirectord_py.errors import LdirectordError
from ldirectord_py.instance.command_line import CONFIG_FOLDERS, DEFAULT_CONFIG

DEFAULT_INSTANCE = "ldirectord"
HELP = "help"
VERSION = "version"

HELP_OPTIONS = ("-h", "-?", "--help")

_OPTIONS = {
    "-d": "debug",
    "--debug": "debug",
    **dict.fromkeys(HELP_OPTIONS, HELP),
    "-v": VERSION,
    "--version": VERSION,
}


class UsageError(LdirectordError):
    """The command line is invalid; the text says why."""


class Invocation(NamedTuple):
    """A command line: the command, the path of its configuration file, its instance, and the arguments after it."""

    command: str
    config: str = ""
    instance: str = ""
    debug: bool = False
    arguments: tuple[str, ...] = ()

    def asks_for_help(self) -> bool:
        """Return whether the arguments have ``--help`` or another spelling of it."""
        return not set(HELP_OPTIONS).isdisjoint(self.arguments)

    def config_file(self) -> Path:
        """Return the path of the configuration file, or raise MissingConfigError."""
        path = Path(self.config)
        if not path.is_file():
            raise MissingConfigError(f"Config file {self.config} not found")
        return path


class MissingConfigError(LdirectordError):
    """There is no such configuration file."""


def parse(argv: Sequence[str], commands: Mapping[str, CommandInfo]) -> Invocation:
    """Return the invocation of ``argv``; raises UsageError."""
    options, words = _split(argv)
    if words == [HELP]:
        return Invocation(HELP)
    for command in (HELP, VERSION):
        if command in options:
            return Invocation(command)
    debug = "debug" in options
    if len(words) >= 2 and words[1] in commands:
        name, command, *arguments = words
        return Invocation(command, find(name), Path(name).name, debug, tuple(arguments))
    if words and words[0] in commands:
        command, *arguments = words
        if not commands[command].takes_names:
            _refuse_swapped(command, arguments)
        return Invocation(command, find(DEFAULT_CONFIG), DEFAULT_INSTANCE, debug, tuple(arguments))
    raise UsageError(_usage_fault(words))


def find(name: str) -> str:
    """Return the path of a configuration file in the first of CONFIG_FOLDERS that has it, or else the name as given."""
    places = (f"{folder}/{name}" for folder in CONFIG_FOLDERS)
    return next((place for place in places if Path(place).is_file()), name)


def _split(argv: Sequence[str]) -> tuple[set[str], list[str]]:
    options: set[str] = set()
    for index, word in enumerate(argv):
        if word == "--":
            return options, list(argv[index + 1 :])
        if not word.startswith("-") or word == "-":
            return options, list(argv[index:])
        for option in [word] if word.startswith("--") else [f"-{letter}" for letter in word[1:]]:
            if option not in _OPTIONS:
                raise UsageError(f"Unknown option: {option.lstrip('-')}")
            options.add(_OPTIONS[option])
    return options, []


def _usage_fault(words: Sequence[str]) -> str:
    if not words:
        return "No command"
    return f"Unknown command: {words[1] if len(words) > 1 else words[0]}"


def _refuse_swapped(command: str, arguments: Sequence[str]) -> None:
    """Raise UsageError where a configuration comes after the command, as the default one would be meant."""
    if arguments and not arguments[0].startswith("-"):
        name = arguments[0]
        raise UsageError(f"{command}: {name} is no option; a configuration comes first: ldirectord {name} {command}")
