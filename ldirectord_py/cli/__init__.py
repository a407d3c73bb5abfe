"""The command line: arguments in, an exit status out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from ldirectord_py.cli.arguments import HELP, VERSION, Invocation, UsageError, parse
from ldirectord_py.cli.commands import COMMANDS, help_text, usage, version
from ldirectord_py.errors import ConfigError, LdirectordError

FAILED = 1
BAD_CONFIG = 2
BAD_USAGE = 255
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out the command line and return its exit status; every error is on standard error, in words."""
    try:
        return _carry_out(parse(sys.argv[1:] if argv is None else argv, COMMANDS))
    except UsageError as wrong:
        _complain(f"{wrong}\n{usage()}")
        return BAD_USAGE
    except ConfigError as refused:
        _complain(str(refused))
        return BAD_CONFIG
    except BrokenPipeError:  # who reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nor does the last flush fail
        return FAILED
    except (LdirectordError, OSError) as fault:
        _complain(str(fault))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _carry_out(invocation: Invocation) -> int:
    if invocation.command == HELP:
        print(help_text())
        return 0
    if invocation.command == VERSION:
        print(version())
        return 0
    module = import_module(f"{__name__}.{COMMANDS[invocation.command].module}")
    status: int = module.run(invocation)
    return status


def _complain(text: str) -> None:
    print(text, file=sys.stderr)
