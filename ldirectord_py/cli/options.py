"""The options of commands that have some."""

from __future__ import annotations

import argparse
from typing import NoReturn

from ldirectord_py.cli.arguments import UsageError


class OptionParser(argparse.ArgumentParser):
    """A parser that raises UsageError, which names the command."""

    def __init__(self, command: str) -> None:
        super().__init__(command, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{self.prog}: {message}")
