"""Rules of the firewall, as its programs print them."""

from __future__ import annotations

import pytest

from ldirectord_py.doctor.facts import FirewallRules
from ldirectord_py.doctor.firewall import read_rules

NFT = """table ip mangle {
\tchain prerouting {
\t\tip daddr 192.0.2.1 tcp dport { 80, 443 } meta mark set 0x00000007
\t}
}
table ip6 m6 {
\tchain c {
\t\tmeta mark set 8
\t}
}
table inet both {
\tchain c {
\t\tmeta mark set 0x9
\t}
}
"""


def test_no_rules() -> None:
    assert read_rules() == FirewallRules()
    assert read_rules("*mangle\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n", "", "table ip nat {\n}\n") == FirewallRules()


def test_marks_of_iptables() -> None:
    four = "-A PREROUTING -d 192.0.2.1/32 -p tcp -j MARK --set-xmark 0x7/0xffffffff\n-A X -j MARK --set-mark 12\n"
    assert read_rules(four, "-A PREROUTING -j MARK --set-xmark 0x8/0xffffffff\n") == FirewallRules(
        frozenset({7, 12}), frozenset({8})
    )


def test_marks_of_nft_by_family() -> None:
    assert read_rules(nft=NFT) == FirewallRules(frozenset({7, 9}), frozenset({8, 9}))


@pytest.mark.parametrize(
    ("iptables", "nft"),
    [
        ("-A P -j CONNMARK --restore-mark --nfmask 0xff\n", ""),
        ("-A P -j MARK --or-mark 0x1\n", ""),
        ("", "table ip m {\n meta mark set meta mark | 0x1\n}\n"),
        ("", "table ip m {\n meta mark set tcp dport map @marks\n}\n"),
        ("", "table ip m {\n meta mark set 0x1 | 0x2\n}\n"),
    ],
)
def test_marks_that_are_computed(iptables: str, nft: str) -> None:
    assert read_rules(iptables, "", nft) == FirewallRules(computed=True)


@pytest.mark.parametrize(
    ("iptables", "nft"),
    [
        ("-A POSTROUTING -o eth0 -j MASQUERADE\n", ""),
        ("-A POSTROUTING -j SNAT --to-source 192.0.2.1\n", ""),
        ("", 'table ip nat {\n oifname "eth0" masquerade\n}\n'),
        ("", "table ip nat {\n snat to 192.0.2.1\n}\n"),
    ],
)
def test_source_nat(iptables: str, nft: str) -> None:
    assert read_rules(iptables, "", nft) == FirewallRules(source_nat=True)


def test_what_iptables_prints_in_full_is_not_read_twice() -> None:
    nft = 'table ip mangle {\n counter packets 0 bytes 0 xt target "MARK"\n}\n'
    assert read_rules(nft=nft) == FirewallRules()
