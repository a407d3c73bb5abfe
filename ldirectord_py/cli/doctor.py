"""``doctor``: what of this host stands in the way of the configuration, each with what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.config.model import Config
from ldirectord_py.doctor.examinations import Diagnosis, examine
from ldirectord_py.doctor.finding import Finding
from ldirectord_py.doctor.host.collect import collect
from ldirectord_py.instance.pid_file import instance
from ldirectord_py.runtime.text import count_of


def run(invocation: Invocation) -> int:
    """Print the findings; return 0 if there are none, else 1; raise ConfigError for a bad file."""
    options = option_parser().parse_args(invocation.arguments)
    path = invocation.config_file()
    config = load_with_warnings(path).config
    facts = collect(config, path, instance(invocation.instance).running_pid())
    diagnosis = examine(config, facts)
    print(_as_json(diagnosis) if options.json else as_text(diagnosis, config), flush=True)
    return int(bool(diagnosis.findings))


def option_parser() -> OptionParser:
    """Return the parser of the options."""
    parser = OptionParser("doctor")
    parser.add_argument("--json", action="store_true")
    return parser


def as_text(diagnosis: Diagnosis, config: Config) -> str:
    """Return the findings, and what was looked at and what was not, as text."""
    return "\n".join([*map(_finding_text, diagnosis.findings), *_summary(diagnosis, config)])


def _finding_text(finding: Finding) -> str:
    subject = finding.subject
    return f"{finding.gravity}: {subject + ': ' if subject else ''}{finding.what}\n    {finding.remedy}"


def _summary(diagnosis: Diagnosis, config: Config) -> Iterator[str]:
    reals = sum(len(virtual.reals) for virtual in config.virtuals)
    findings = f"{len(diagnosis.findings)} found" if diagnosis.findings else "nothing found"
    served = f"{count_of(len(config.virtuals), 'virtual')} and {count_of(reals, 'real server')}"
    yield f"{findings} in {len(diagnosis.made)} examinations for {served}"
    for name, reason in diagnosis.not_made.items():
        yield f"not examined: {name} ({reason})"


def _as_json(diagnosis: Diagnosis) -> str:
    fields: dict[str, Any] = {
        "findings": [asdict(finding) for finding in diagnosis.findings],
        "examined": list(diagnosis.made),
        "not_examined": dict(diagnosis.not_made),
    }
    return json.dumps(fields, indent=2)
