"""Runs a command of ours in this process: in User-Mode Linux the start of a Python costs a second of CPU."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple
from unittest import mock

from ldirectord_py.cli import main


class Done(NamedTuple):
    """A command that has ended: its exit status, standard output and standard error."""

    status: int
    text: str
    errors: str

    def json(self) -> Any:
        """Return the value that the output is."""
        return json.loads(self.text)

    def lines(self) -> list[Any]:
        """Return the values of an output that has one on each line."""
        return [json.loads(line) for line in self.text.splitlines()]


def run_here(*words: str, environment: Mapping[str, str] | None = None) -> Done:
    """Run ``ldirectord WORDS`` in the network namespace of this thread; ``environment`` replaces that of the test."""
    output, errors = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment or {}, clear=environment is not None),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        status = main(words)
    return Done(status, output.getvalue(), errors.getvalue())
