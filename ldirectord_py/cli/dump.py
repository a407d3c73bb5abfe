"""``dump``: prints a configuration, every default and inheritance applied."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.config.dump import to_json, to_yaml

FORMATS = {"json": to_json, "yaml": to_yaml}


def run(invocation: Invocation) -> int:
    """Print the configuration; return 0; raise ConfigError for a file with an error."""
    options = _options(invocation.arguments)
    loaded = load_with_warnings(invocation.config_file())
    print(FORMATS[options.format](loaded.config, show_secrets=options.show_secrets).rstrip("\n"), flush=True)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OptionParser("dump")
    parser.add_argument("--format", choices=sorted(FORMATS), default="json")
    parser.add_argument("--show-secrets", action="store_true")
    return parser.parse_args(arguments)
