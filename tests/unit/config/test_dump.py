from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address

from harness.dumped import from_yaml
from ldirectord_py.config.dump import to_dict, to_json, to_yaml
from ldirectord_py.config.model import Config, Fallback, Forward, Globals, Real, Virtual
from ldirectord_py.ipvs.table import FirewallMark, Protocol, VirtualAddress

STATES = ["starting", "running", "stopping", "reloading"]

CONFIG = Config(
    Globals(execute=("dns.cf",), reconcile=None),
    (
        Virtual(
            VirtualAddress(Protocol.UDP, IPv6Address("2001:db8::1"), 53),
            reals=(Real(IPv6Address("2001:db8::2"), 53, Forward.MASQ, 5, "/q", "a", 1, 2, "web"),),
            fallback=Fallback(IPv6Address("::1"), 5353),
            service="dns",
            passwd="sesame",
        ),
        Virtual(FirewallMark(7), reals=(Real(IPv4Address("192.0.2.1"), 0),)),
    ),
)


def test_the_globals_are_those_of_the_file_and_their_defaults() -> None:
    assert to_dict(CONFIG)["globals"] == {
        "autoreload": False,
        "callback": None,
        "checkcount": 1,
        "checkinterval": 10,
        "downinterval": None,
        "fastinterval": None,
        "drainremoved": 0,
        "flapthreshold": None,
        "flapwindow": 60,
        "panic": None,
        "slowstart": None,
        "cleanstop": True,
        "controlgroup": None,
        "emailalert": "",
        "emailalertfreq": 0,
        "emailalertgroup": 0,
        "emailalertfrom": None,
        "emailalertstatus": STATES,
        "execute": ["dns.cf"],
        "expire": "leave",
        "failurecount": 1,
        "fallbackcommand": None,
        "notify": None,
        "notifysecretfile": None,
        "notifyurl": None,
        "followredirects": True,
        "fork": False,
        "listen": None,
        "listenuser": "nobody",
        "logfile": "/var/log/ldirectord.log",
        "logformat": "text",
        "maintenancedir": None,
        "maxchecks": None,
        "maxexternal": 50,
        "pe": None,
        "quiescent": False,
        "readdquiescent": False,
        "reconcile": None,
        "resolveinterval": 60,
        "smtp": None,
        "starttls": False,
        "statusgroup": None,
        "successcount": 1,
        "supervised": False,
        "tlsca": None,
        "tlsverify": False,
        "workers": None,
    }


def test_a_virtual_shows_what_is_in_force_for_it() -> None:
    assert to_dict(CONFIG)["virtuals"][0] == {
        "id": "udp:[2001:db8::1]:53",
        "family": "inet6",
        "protocol": "udp",
        "server": "[2001:db8::1]",
        "port": 53,
        "fwmark": None,
        "scheduler": "wrr",
        "persistent": None,
        "netmask": None,
        "schedflags": None,
        "pe": None,
        "ops": False,
        "checktype": "negotiate",
        "connects": None,
        "service": "dns",
        "checkcommand": "/bin/true",
        "checkport": None,
        "checktimeout": 5,
        "negotiatetimeout": 30,
        "checkcount": 1,
        "failurecount": 1,
        "successcount": 1,
        "checkinterval": 10,
        "downinterval": None,
        "fastinterval": None,
        "drainremoved": 0,
        "flapthreshold": None,
        "flapwindow": 60,
        "panic": None,
        "slowstart": None,
        "request": "/",
        "receive": "",
        "httpmethod": "GET",
        "virtualhost": None,
        "expectstatus": "",
        "followredirects": True,
        "starttls": False,
        "tlsverify": False,
        "tlsca": None,
        "tlsname": None,
        "login": "",
        "passwd": "***",
        "database": "",
        "secret": "",
        "quiescent": False,
        "cleanstop": True,
        "emailalert": "",
        "emailalertfreq": 0,
        "emailalertgroup": 0,
        "emailalertstatus": STATES,
        "smtp": None,
        "monitorfile": None,
        "servicename": None,
        "comment": None,
        "fallback": {"server": "[::1]", "port": 5353, "forward": "gate"},
        "fallbackcommand": None,
        "notify": None,
        "notifysecretfile": None,
        "notifyurl": None,
        "reals": [
            {
                "server": "[2001:db8::2]",
                "port": 53,
                "forward": "masq",
                "weight": 5,
                "request": "/q",
                "receive": "a",
                "lower": 1,
                "upper": 2,
                "name": "web",
            }
        ],
    }


def test_a_firewall_mark_has_no_address() -> None:
    shown = to_dict(CONFIG)["virtuals"][1]
    assert {key: shown[key] for key in ("id", "family", "protocol", "server", "port", "fwmark")} == {
        "id": "fwm:7",
        "family": "inet",
        "protocol": "fwm",
        "server": None,
        "port": 0,
        "fwmark": 7,
    }


def test_json_and_yaml_hold_the_same() -> None:
    assert to_dict(CONFIG) == json.loads(to_json(CONFIG))
    assert from_yaml(to_yaml(CONFIG, show_secrets=True)) == CONFIG


def test_secrets_show_only_when_asked_for() -> None:
    hidden, shown = to_json(CONFIG), to_json(CONFIG, show_secrets=True)
    assert ["sesame" in text for text in (hidden, shown)] == [False, True]
