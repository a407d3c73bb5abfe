"""``check``: reports errors and warnings of a configuration."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.config.model import Config
from ldirectord_py.config.parse import Parsed
from ldirectord_py.doctor.facts import HostFacts
from ldirectord_py.doctor.host.kernel_files import read_sysctls
from ldirectord_py.doctor.sysctls import look_at_persistence
from ldirectord_py.runtime.text import count_of


def run(invocation: Invocation) -> int:
    """Print warnings to standard error and a summary; return 0; raise ConfigError for a file with an error."""
    OptionParser("check").parse_args(invocation.arguments)
    loaded = load_with_warnings(invocation.config_file())
    more = list(_host_warnings(loaded.config))
    for warning in more:
        print(f"{invocation.config}: warning: {warning}", file=sys.stderr)
    print(f"{invocation.config} is good: {summary(loaded, len(more))}")
    return 0


def _host_warnings(config: Config) -> Iterator[str]:
    """Yield what this host makes of the configuration that no line of it can show."""
    for finding in look_at_persistence(config, HostFacts(sysctls=read_sysctls(()))):
        yield f"{finding.subject}: {finding.what}; {finding.remedy}"


def summary(loaded: Parsed, host_warnings: int) -> str:
    """Return the counts of virtuals, reals and warnings, in words."""
    virtuals = loaded.config.virtuals
    reals = sum(len(virtual.reals) for virtual in virtuals)
    counts = (
        count_of(len(virtuals), "virtual server"),
        count_of(reals, "real server"),
        count_of(len(loaded.warnings) + host_warnings, "warning"),
    )
    return ", ".join(counts)
