"""Reads rules as iptables-save, ip6tables-save and ``nft list ruleset`` print them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ldirectord_py.doctor.facts import FirewallRules

_MARK: Final = re.compile(r"-j MARK .*?--set-x?mark (0x[0-9a-f]+|\d+)(?:/(0x[0-9a-f]+|\d+))?", re.IGNORECASE)
_NFT_MARK: Final = re.compile(r"\bmeta mark set (0x[0-9a-f]+|\d+)\b(?! *[|&^])", re.IGNORECASE)
_COMPUTED: Final = re.compile(r"\bmark set |-j (?:CONNMARK|MARK)\b|--(?:or|and|xor)-mark|--restore-mark", re.IGNORECASE)
_SOURCE_NAT: Final = re.compile(r"-j (?:SNAT|MASQUERADE|NETMAP)\b|\b(?:masquerade|snat)\b")
_TABLE: Final = re.compile(r"^table (\w+) ")
_FAMILIES: Final = {"ip": ("4",), "ip6": ("6",)}


def read_rules(iptables: str = "", ip6tables: str = "", nft: str = "") -> FirewallRules:
    """Return what the rules in these texts do."""
    rules = [("4", line) for line in iptables.splitlines() if line.startswith("-A ")]
    rules += [("6", line) for line in ip6tables.splitlines() if line.startswith("-A ")]
    rules += _nft_rules(nft)
    marked = [(family, _marks(line)) for family, line in rules]
    return FirewallRules(
        _of_family("4", marked),
        _of_family("6", marked),
        any(not _marks(line) and _COMPUTED.search(line) for _, line in rules),
        any(_SOURCE_NAT.search(line) for _, line in rules),
    )


def _nft_rules(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line of a ruleset with its family, a line of a table for both families twice."""
    families: tuple[str, ...] = ("4", "6")
    for line in text.splitlines():
        if table := _TABLE.match(line):
            families = _FAMILIES.get(table[1], ("4", "6"))
        elif "xt target" not in line:  # iptables-save prints these in full
            yield from ((family, line.strip()) for family in families)


def _marks(rule: str) -> frozenset[int]:
    """Return the marks that a rule sets."""
    found = [*_MARK.finditer(rule), *_NFT_MARK.finditer(rule)]
    return frozenset(int(mark[1], 0) for mark in found)


def _of_family(family: str, marked: Iterable[tuple[str, frozenset[int]]]) -> frozenset[int]:
    return frozenset(mark for of, marks in marked if of == family for mark in marks)
