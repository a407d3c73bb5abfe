"""Values that the original passes to a shell: quotes are removed as a shell would do it, but no shell is run."""

from __future__ import annotations

import shlex

from ldirectord_py.config.diagnostics import InvalidValue
from ldirectord_py.config.values import ValueContext, maybe_quoted_string, nonempty, quoted_string


def execute(raw: str, context: ValueContext) -> str:
    """Read the name of one configuration, quotes and all: ``named`` takes them off."""
    text = nonempty(raw, context)
    words = _words(text)
    if len(words) != 1:
        what = f"execute takes one name, but this has {len(words)} words"
        raise InvalidValue(what, "write one line for each configuration; put a name that has blanks into quotes")
    if not words[0]:
        raise InvalidValue("execute is empty", "give it a value or leave the line out")
    return text


def configuration_name(execute: str) -> str:
    """Return the configuration that a value of ``execute`` names, as a shell would take it."""
    return " ".join(_words(execute))


def callback(raw: str, context: ValueContext) -> str:
    """Read a command in quotes."""
    return _closed(quoted_string(raw, context))


def fallbackcommand(raw: str, context: ValueContext) -> str:
    """Read a command that may have quotes around all of it, or around single words.

    As in the original, double quotes in a virtual enclose the whole command; in a global value they enclose a word.
    """
    text = nonempty(raw, context)
    if (text[0] == "'" or (text[0] == '"' and context.daemon)) and len(_words(text)) > 1:
        return text
    return _closed(maybe_quoted_string(raw, context))


def _closed(command: str) -> str:
    _words(command)
    return command


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise InvalidValue(f"not a command: {str(error).lower()}", "close the quote, or write \\ before it") from None
