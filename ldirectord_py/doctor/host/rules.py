"""The rules of the firewall, as its own programs print them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

from ldirectord_py.doctor.facts import FirewallRules
from ldirectord_py.doctor.firewall import read_rules

RULES_TIMEOUT: Final = 5.0
"""Seconds for each program."""
_COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "iptables": ("iptables-save",),
    "ip6tables": ("ip6tables-save",),
    "nft": ("nft", "list", "ruleset"),
}
_PATH: Final = "/usr/sbin:/sbin:/usr/bin:/bin"


def read_firewall() -> FirewallRules:
    """Return what the rules do; raises OSError when none of the programs is there or one fails."""
    found = {name: path for name, words in _COMMANDS.items() if (path := shutil.which(words[0], path=_PATH))}
    if not found:
        raise FileNotFoundError("neither nft nor iptables-save is installed")
    return read_rules(**{name: _output(path, *_COMMANDS[name][1:]) for name, path in found.items()})


def _output(*argv: str) -> str:
    environment = {"PATH": _PATH, "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603  the words are ours
            argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=RULES_TIMEOUT, env=environment
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{argv[0]} did not end within {RULES_TIMEOUT:g} s") from None
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise OSError(f"{argv[0]} failed: {reason or done.returncode}")
    return done.stdout.decode(errors="replace")
