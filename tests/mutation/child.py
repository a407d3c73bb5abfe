"""``python -m mutation.child MODULE FILE``: one module, in a process of its own; what came of it is in FILE then."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

from harness.layers import MODULES
from mutation.modules import files_of_tests
from mutation.trial import MutationRun

_NO_REWRITE = "ignore::pytest.PytestAssertRewriteWarning"  # Hypothesis is imported before pytest could change it

OPTIONS = ("-q", "-s", "-p", "no:cacheprovider", "-m", "not slow", "-k", "not uvloop", "-W", _NO_REWRITE)
"""A mutant is tested on the event loop of the standard library only."""


def main(module: str, file: Path) -> int:
    """Return 0 if the module was tried."""
    run = MutationRun(MODULES[module].resolve())
    with tempfile.TemporaryDirectory() as folder:
        arguments = [*OPTIONS, f"--basetemp={folder}/tests", *map(str, files_of_tests(module))]
        status = pytest.main(arguments, plugins=[run])
    if run.trial is None:
        return int(status) or 1
    file.write_text(json.dumps(run.trial))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
