"""The addresses of host names in a state file: the valid ones are read, and the rest is named."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py import saved_addresses
from ldirectord_py.config.addresses import HostName
from ldirectord_py.saved_addresses import MAX_NAME_LENGTH, MAX_SAVED_NAMES, Hosts, addresses_section, read_addresses

WEB = HostName("web1.example.com", ipv6=False)
WEB6 = HostName("web1.example.com", ipv6=True)
HOSTS: Hosts = {WEB: ip_address("192.0.2.1"), WEB6: ip_address("2001:db8::1")}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def section(ipv4: object = None, ipv6: object = None, **fields: object) -> dict[str, Any]:
    return {"version": 1, "ipv4": {} if ipv4 is None else ipv4, "ipv6": {} if ipv6 is None else ipv6, **fields}


def test_what_is_written_is_read() -> None:
    written = json.loads(json.dumps(addresses_section(HOSTS)))
    assert written == section({WEB.name: "192.0.2.1"}, {WEB.name: "2001:db8::1"})
    assert read_addresses(written) == (HOSTS, ())
    assert read_addresses(addresses_section({})) == ({}, ())


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (None, "its section addresses has the version none, not 1"),
        ([], "its section addresses has the version none, not 1"),
        ({}, "its section addresses has the version None, not 1"),
        (section(version=2), "its section addresses has the version 2, not 1"),
        (section(ipv4=[]), "its section addresses has no names of ipv4"),
        (section(ipv6="x"), "its section addresses has no names of ipv6"),
    ],
)
def test_another_section_is_refused(broken: object, fault: str) -> None:
    assert read_addresses(broken) == ({}, (fault,))


@pytest.mark.parametrize(
    ("family", "name", "address"),
    [
        ("ipv4", "web2", "2001:db8::1"),
        ("ipv4", "web2", "192.0.2.256"),
        ("ipv4", "web2", 3221225985),
        ("ipv4", "web2", None),
        ("ipv6", "web2", "192.0.2.1"),
        ("ipv6", "web2", "fe80::1%eth0"),
        ("ipv4", "192.0.2.9", "192.0.2.1"),
        ("ipv4", "", "192.0.2.1"),
        ("ipv4", "web 2", "192.0.2.1"),
        ("ipv4", "w" * (MAX_NAME_LENGTH + 1), "192.0.2.1"),
    ],
)
def test_an_invalid_name_or_address_is_left_out_and_named(family: str, name: str, address: object) -> None:
    names: dict[str, Any] = addresses_section(HOSTS)
    names[family] = {**names[family], name: address}
    hosts, faults = read_addresses(names)
    assert (hosts, len(faults)) == (HOSTS, 1)
    assert faults[0].startswith("the name '")
    assert len(faults[0]) < 500


def test_they_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_SAVED_NAMES * 2 * (MAX_NAME_LENGTH + 60) < 10_000_000
    monkeypatch.setattr(saved_addresses, "MAX_SAVED_NAMES", 2)
    many = {HostName(f"web{number}", ipv6=False): ip_address("192.0.2.1") for number in range(3)}
    too_long = {HostName("w" * 300, ipv6=False): ip_address("192.0.2.1")}
    assert addresses_section({**too_long, **many})["ipv4"].keys() == {"web0", "web1"}
    hosts, faults = read_addresses(section({host.name: "192.0.2.1" for host in many}))
    assert (len(hosts), faults) == (2, ("its section addresses has more than 2 names of ipv4",))


@given(content=JSON)
def test_any_json_is_read_or_refused(content: object) -> None:
    for each in (content, section(content, content), section({"web1": content}, {str(content): "2001:db8::1"})):
        hosts, faults = read_addresses(each)
        assert len(hosts) + len(faults) <= 8
