"""What of a configuration counts as left out by a new one."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import HostName, Names
from ldirectord_py.config.loss import describe_loss
from ldirectord_py.config.model import Config
from ldirectord_py.config.parse import parse

NAMES = ("web1", "web2", "web3", "web4")


def servers(*names: str, net: str = "") -> Config:
    """Return a configuration with these servers, which have addresses in ``net`` if it is given."""
    lines = "".join(f"    real={name}:80 masq\n" for name in names)
    known = {HostName(name, ipv6=False): ip_address(f"{net}{name[-1]}") if net else None for name in NAMES}
    return parse(f"virtual=10.0.0.1:80\n{lines}", "any.cf", Names(known, hostname="director"), KINDS).config


NOW = servers(*NAMES, net="10.1.0.")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOW, servers(*NAMES[:3], net="10.2.0."), id="the names have other addresses"),
        pytest.param(servers(*NAMES), servers(*NAMES[:3], net="10.2.0."), id="the names resolve at last"),
        pytest.param(NOW, servers(*NAMES[:3]), id="the names do not resolve"),
        pytest.param(NOW, servers("10.1.0.1", "10.1.0.2", "10.1.0.3"), id="addresses in place of names"),
        pytest.param(servers("10.1.0.1", "10.1.0.2"), servers("web1", net="10.1.0."), id="a name in place of one"),
    ],
)
def test_a_server_whose_name_or_address_stays_is_not_left_out(before: Config, after: Config) -> None:
    assert describe_loss(before, after) == ""


@pytest.mark.parametrize("net", ["", "10.1.0.", "10.2.0."])
def test_a_loss_of_more_than_half_of_the_names_is_reported(net: str) -> None:
    assert describe_loss(NOW, servers("web1", net=net)) == "3 of 4 real servers"
