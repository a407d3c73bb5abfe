"""One value of a configuration, as the original reads it and as we do.

A value is named by scope and directive, as in "daemon quiescent", "virtual login" or "real request", for the first
virtual and its first real server. "virtual reals" are the addresses and ports of all its servers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.comparison import perl
from ldirectord_py.config.dump import to_dict
from ldirectord_py.config.load import load
from ldirectord_py.errors import ConfigError

ORIGINAL_NAMES = {"fwmark": "fwm", "reals": "real", "lower": "l-threshold", "upper": "u-threshold"}


@dataclass(frozen=True, slots=True)
class Refused:
    """The file is refused; ``line`` is that of its first error."""

    line: int


@dataclass(frozen=True, slots=True)
class Case:
    """A configuration, the name of a value, and the value for each daemon as text, "" for none.

    ``says`` is part of our warnings or errors, "" if there are none.
    """

    config: str | bytes
    look: str
    original: str | Refused
    ours: str | Refused
    says: str = ""


def originals(cases: Sequence[Case]) -> list[str | Refused]:
    """Return the values that the original reads."""
    answers = perl.read_all([case.config for case in cases])
    return [_original(case, answer) for case, answer in zip(cases, answers, strict=True)]


def _original(case: Case, answer: perl.Answer) -> str | Refused:
    if answer.error:
        return Refused(answer.error[0])
    settings = {**answer.settings, "execute": answer.execute}
    return _value(case.look, settings, answer.virtuals[0], lambda name: ORIGINAL_NAMES.get(name, name))


def ours(case: Case, folder: Path) -> tuple[str | Refused, list[str]]:
    """Return the value that we read, and our warnings or errors."""
    file = folder / "test.cf"
    file.write_bytes(case.config.encode() if isinstance(case.config, str) else case.config)
    try:
        parsed = load(file)
    except ConfigError as error:
        return Refused(error.problems[0].line), [str(problem) for problem in error.problems]
    meaning = to_dict(parsed.config)
    seen = _value(case.look, meaning["globals"], meaning["virtuals"][0], str)
    return seen, [str(warning) for warning in parsed.warnings]


def _value(look: str, settings: Mapping[str, Any], virtual: Mapping[str, Any], word: Callable[[str], str]) -> str:
    scope, name = look.split()
    if look == "virtual reals":
        return " ".join(f"{real['server']}:{real['port']}" for real in virtual[word("reals")])
    holders = {"daemon": settings, "virtual": virtual, "real": (virtual[word("reals")] or [{}])[0]}
    return _text(holders[scope].get(word(name)))


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return " ".join(map(_text, value))
        case {"server": server, "port": port}:
            return f"{server}:{port}"
    return str(value)
