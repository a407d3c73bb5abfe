"""``check``: reports errors and warnings of a configuration."""

from __future__ import annotations

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.config.parse import Parsed
from ldirectord_py.runtime.text import count_of


def run(invocation: Invocation) -> int:
    """Print warnings to standard error and a summary; return 0; raise ConfigError for a file with an error."""
    loaded = load_with_warnings(invocation.config_file())
    print(f"{invocation.config} is good: {summary(loaded)}")
    return 0


def summary(loaded: Parsed) -> str:
    """Return the counts of virtuals, reals and warnings, in words."""
    virtuals = loaded.config.virtuals
    reals = sum(len(virtual.reals) for virtual in virtuals)
    counts = (
        count_of(len(virtuals), "virtual server"),
        count_of(reals, "real server"),
        count_of(len(loaded.warnings), "warning"),
    )
    return ", ".join(counts)
