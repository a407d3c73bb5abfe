"""The options after a command, for the commands that have any."""

from __future__ import annotations

import argparse
from typing import NoReturn

from ldirectord_py.cli.invocation.arguments import UsageError


class OptionParser(argparse.ArgumentParser):
    """Parses the options of a command; raises UsageError instead of exiting."""

    def __init__(self, command: str) -> None:
        super().__init__(command, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{self.prog}: {message}")
