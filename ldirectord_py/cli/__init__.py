"""The command line: from arguments to an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper

from ldirectord_py.cli.invocation.arguments import HELP, VERSION, Invocation, UsageError, parse
from ldirectord_py.cli.invocation.commands import COMMANDS, help_text, usage, version
from ldirectord_py.errors import ConfigError, LdirectordError
from ldirectord_py.instance.command_line import DAEMON_COMMANDS
from ldirectord_py.runtime import signals
from ldirectord_py.runtime.core_dumps import forbid_core_dumps
from ldirectord_py.runtime.descriptors import open_standard_descriptors
from ldirectord_py.runtime.text import ESCAPED

FAILED = 1
INTERRUPTED = 130
STATUSES: Mapping[type[Exception], int] = {ConfigError: 2, UsageError: 255}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors are printed to standard error."""
    open_standard_descriptors()
    forbid_core_dumps()
    _print_any_text()
    try:
        status = _dispatch(parse(sys.argv[1:] if argv is None else argv, COMMANDS))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has closed the pipe
        status = FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    except (LdirectordError, OSError) as fault:
        print(_error_text(fault), file=sys.stderr)
        status = next((status for kind, status in STATUSES.items() if isinstance(fault, kind)), FAILED)
    _drop_unwritten()
    return status


def _drop_unwritten() -> None:
    """Drop output that cannot be written, so that the last flush of the interpreter does not fail either."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _dispatch(invocation: Invocation) -> int:
    if invocation.command == HELP:
        print(help_text())
        return 0
    if invocation.command == VERSION:
        print(version())
        return 0
    if invocation.asks_for_help():
        print(help_text(invocation.command))
        return 0
    if invocation.command not in DAEMON_COMMANDS:
        return _run(invocation)
    signals.install_early_handlers()
    try:
        return _run(invocation)
    finally:
        signals.ignore_reload()


def _run(invocation: Invocation) -> int:
    module = import_module(f"{__name__}.{COMMANDS[invocation.command].module}")
    try:
        status: int = module.run(invocation)
    except UsageError as fault:
        print(_error_text(fault, invocation.command), file=sys.stderr)
        return STATUSES[UsageError]
    return status


def _print_any_text() -> None:
    """Print characters that the terminal's encoding lacks, and bytes that are not UTF-8, with escapes.

    Where the caller has closed an output, Python has None in its place, and nothing is printed.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)


def _error_text(fault: Exception, command: str = "") -> str:
    if isinstance(fault, UsageError):
        return f"{fault}\n{usage(command)}"
    if isinstance(fault, OSError) and fault.strerror:
        return f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror
    return str(fault)
