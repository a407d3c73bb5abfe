"""Values that the original passes to a shell: quotes are removed as a shell removes them, without a shell."""

from __future__ import annotations

import shlex

from ldirectord_py.config.diagnostics import InvalidValue
from ldirectord_py.config.string_values import maybe_quoted_string, nonempty, quoted_string
from ldirectord_py.config.values import ValueContext


def execute(raw: str, context: ValueContext) -> str:
    """Read the name of one configuration, with its quotes."""
    text = nonempty(raw, context)
    words = _words(text)
    if len(words) != 1:
        what = f"execute needs one name, but this has {len(words)} words"
        raise InvalidValue(what, "write one line for each configuration; put a name that has blanks into quotes")
    if not words[0]:
        raise InvalidValue("execute is empty", "give it a value or leave the line out")
    return text


def configuration_name(execute: str) -> str:
    """Return the name of the configuration in a value of ``execute``, without quotes."""
    return " ".join(_words(execute))


def callback(raw: str, context: ValueContext) -> str:
    """Read a command in quotes."""
    return _checked(quoted_string(raw, context))


def fallbackcommand(raw: str, context: ValueContext) -> str:
    """Read a command with quotes around all of it, around single words, or without quotes.

    As in the original, double quotes enclose the whole command in a virtual, but a word in a global value.
    """
    text = nonempty(raw, context)
    if context.line.exact:
        return _checked(text)
    if (text[0] == "'" or (text[0] == '"' and context.daemon)) and len(_words(text)) > 1:
        return text
    return _checked(maybe_quoted_string(raw, context))


def command_or_words(raw: str, context: ValueContext) -> str:
    """Read a command with quotes around all of it, around single words, or without quotes."""
    text = nonempty(raw, context)
    if text[0] in "'\"" and len(_words(text)) > 1:
        return text
    return _checked(maybe_quoted_string(raw, context))


def _checked(command: str) -> str:
    _words(command)
    return command


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise InvalidValue(f"not a command: {str(error).lower()}", "close the quote, or write \\ before it") from None
