"""Labels as node_exporter's ipvs collector has them: it reads /proc/net/ip_vs."""

from __future__ import annotations

import pytest

from ldirectord_py.web.metric_labels import labels_text, real_labels, virtual_labels


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("tcp:192.0.2.10:80", ("192.0.2.10", "80", "TCP", "")),
        ("udp:[2001:db8::1]:53", ("2001:db8::1", "53", "UDP", "")),
        ("fwm:1", ("", "0", "FWM", "00000001")),
        ("fwm6:4294967295", ("", "0", "FWM", "FFFFFFFF")),
    ],
)
def test_a_virtual(name: str, labels: tuple[str, ...]) -> None:
    found = virtual_labels(name)
    assert list(found) == ["local_address", "local_port", "proto", "local_mark"]
    assert tuple(found.values()) == labels


def test_a_real_server_has_the_address_and_port_of_its_row() -> None:
    labels = real_labels("tcp:[2001:db8::1]:80", "[2001:db8::2]:80")
    assert labels == {
        "local_address": "2001:db8::1",
        "local_port": "80",
        "remote_address": "2001:db8::2",
        "remote_port": "80",
        "proto": "TCP",
        "local_mark": "",
    }


def test_special_characters_are_escaped() -> None:
    assert labels_text({"a": 'x"}\\\n', "b": ""}) == 'a="x\\"}\\\\\\n",b=""'
