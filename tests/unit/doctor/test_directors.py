"""Other directors, and names."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from builders import config, real, virtual
from harness.sound_host import SOUND, codes, only, sound
from ldirectord_py.config.model import UNRESOLVED, Fallback
from ldirectord_py.doctor.directors import keepalived_services, look_for_directors, look_for_names
from ldirectord_py.doctor.facts import Area, OtherDirector
from ldirectord_py.ipvs.table import FirewallMark, Protocol, VirtualAddress

KEY = VirtualAddress(Protocol.TCP, ip_address("192.0.2.1"), 80)
WEB = config(virtual("192.0.2.1:80"), virtual("192.0.2.1:443"))


def other(**facts: object) -> OtherDirector:
    return OtherDirector(**{"pid": 7, "program": "keepalived", "file": "/etc/k.conf", **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("director", "expected"),
    [
        (other(services=frozenset({KEY})), ["second-director"]),
        (other(services=frozenset()), []),
        (other(services=None), ["second-director-unknown"]),
        (other(same_file=True), ["second-director"]),
    ],
)
def test_another_director(director: OtherDirector, expected: list[str]) -> None:
    assert codes(look_for_directors, WEB, sound(directors=(director,))) == expected


def test_only_the_shared_services_are_named() -> None:
    found = only(look_for_directors, WEB, sound(directors=(other(services=frozenset({KEY})),)))
    assert found.about == ("tcp:192.0.2.1:80",)
    assert codes(look_for_directors, WEB, SOUND) == []
    assert codes(look_for_directors, WEB, sound(unseen={Area.PROCESSES: "no"})) == ["?PROCESSES"]


def test_services_of_keepalived() -> None:
    text = (
        "vrrp_instance a {\n}\nvirtual_server 192.0.2.1 80 {\n}\n virtual_server fwmark 7 {\n}\n# virtual_server x 1\n"
    )
    found = keepalived_services(text)
    assert found is not None
    assert {KEY, FirewallMark(7), FirewallMark(7, ipv6=True)} <= found
    assert keepalived_services("vrrp_instance a {\n}\n") == frozenset()


@pytest.mark.parametrize(
    "text",
    ["include x.conf\n", "virtual_server group web {\n}\n", "virtual_server $VIP 80 {\n", "virtual_server_group w {\n"],
)
def test_services_of_keepalived_that_are_elsewhere(text: str) -> None:
    assert keepalived_services(text) is None


def test_names() -> None:
    lost = real("0.0.0.0:80", name="web1.example")
    named = config(virtual("192.0.2.1:80", unresolved=(lost, Fallback(UNRESOLVED[False], 80))))
    found = only(look_for_names, named, SOUND)
    assert "web1.example" in found.what
    assert codes(look_for_names, WEB, SOUND) == []
    assert codes(look_for_names, WEB, sound(lost_names=frozenset({"mail"}))) == ["smtp-name-lost"]
    nameless = config(virtual("192.0.2.1:80", unresolved=(Fallback(UNRESOLVED[False], 80),)))
    assert "getent hosts NAME" in only(look_for_names, nameless, SOUND).remedy
