"""The values of ``listen`` and ``listenuser``."""

from __future__ import annotations

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.parse import Parsed, parse
from ldirectord_py.errors import ConfigError


def read(text: str, *, installed: bool = True) -> Parsed:
    return parse(text, "web.cf", Names(), KINDS, lambda _: installed)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("9100", "127.0.0.1:9100"),
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("192.0.2.1:9100 # the page", "192.0.2.1:9100"),
        ('"9100"', "127.0.0.1:9100"),
        ("[::]:9100", "[::]:9100"),
        ("[2001:DB8::1]:9100", "[2001:db8::1]:9100"),
    ],
)
def test_a_port_is_of_this_host_alone_unless_an_address_is_named(value: str, expected: str) -> None:
    assert read(f"listen={value}\n").config.settings.listen == expected


@pytest.mark.parametrize(
    "value", ["0", "65536", "host:9100", "192.0.2.256:1", "[::g]:1", "::1:9100", "1.2.3.4:", ":80"]
)
def test_other_values_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"listen|port|address"):
        read(f"listen={value}\n")


def test_nothing_is_served_by_default() -> None:
    settings = read("").config.settings
    assert (settings.listen, settings.listenuser) == (None, "nobody")


def test_without_its_libraries_the_page_is_refused() -> None:
    names = "aiohttp and jinja2 and prometheus_client"
    with pytest.raises(ConfigError, match=rf"listen needs {names}: not installed.*ldirectord-py\[web\]"):
        read("listen=9100\n", installed=False)
    read("listenuser=www-data\n", installed=False)


@pytest.mark.parametrize("name", ["root", "0", "a b", "-x"])
def test_the_user_of_the_page_is_the_name_of_another_user_than_root(name: str) -> None:
    with pytest.raises(ConfigError, match="listenuser"):
        read(f"listenuser={name}\n")
    assert read("listenuser=www-data\n").config.settings.listenuser == "www-data"
