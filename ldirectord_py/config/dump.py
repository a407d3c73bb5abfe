"""A Config as plain values, JSON or YAML, in the words of ldirectord.cf."""

from __future__ import annotations

import json
from dataclasses import fields
from enum import StrEnum
from typing import Any

import yaml

from ldirectord_py.address import bracketed
from ldirectord_py.config.model import Authorities, Config, Fallback, Globals, Real, Virtual
from ldirectord_py.ipvs.table import FirewallMark

HIDDEN = "***"
SECRETS = frozenset({"notifyurl", "passwd", "secret"})

_NESTED = ("key", "reals", "fallback", "unresolved")
_SIMPLE = tuple(field.name for field in fields(Virtual) if field.name not in {*_NESTED, *SECRETS})
_YAML_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml is ten times as fast, and optional
_SETTINGS = tuple(field.name for field in fields(Globals))


def to_json(config: Config, show_secrets: bool = False) -> str:
    """Return the configuration as a JSON object, a newline at its end; secrets as ``***`` unless shown."""
    return json.dumps(to_dict(config, show_secrets), indent=2) + "\n"


def to_yaml(config: Config, show_secrets: bool = False) -> str:
    """Return the configuration as a YAML mapping; secrets as ``***`` unless shown."""
    content = to_dict(config, show_secrets)
    try:
        return yaml.dump(content, Dumper=_YAML_DUMPER, sort_keys=False, width=4096)
    except UnicodeEncodeError:  # libyaml rejects lone surrogates, which stand for bytes that are not UTF-8
        return yaml.dump(content, Dumper=yaml.SafeDumper, sort_keys=False, width=4096)


def to_dict(config: Config, show_secrets: bool = False) -> dict[str, Any]:
    """Return the configuration in dicts, lists, strings, numbers and booleans; secrets as ``***`` unless shown."""
    return {
        "globals": _globals(config.settings, show_secrets=show_secrets),
        "virtuals": [_virtual(virtual, show_secrets=show_secrets) for virtual in config.virtuals],
    }


def _globals(settings: Globals, *, show_secrets: bool) -> dict[str, Any]:
    values = {name: _plain(getattr(settings, name)) for name in _SETTINGS}
    if not show_secrets:
        values |= {name: values[name] and HIDDEN for name in SECRETS & values.keys()}
    return values


def _plain(value: Any) -> Any:
    match value:
        case tuple():
            return [str(item) for item in value]
        case Authorities() | StrEnum():
            return str(value)
    return value


def _virtual(virtual: Virtual, *, show_secrets: bool) -> dict[str, Any]:
    secrets = {name: getattr(virtual, name) for name in sorted(SECRETS)}
    if not show_secrets:
        secrets = {name: value and HIDDEN for name, value in secrets.items()}
    return {
        **_key(virtual),
        **{name: _plain(getattr(virtual, name)) for name in _SIMPLE},
        **secrets,
        "checktype": virtual.checktype.value,
        "fallback": _fallback(virtual.fallback),
        "reals": [_real(real) for real in virtual.reals],
    }


def _key(virtual: Virtual) -> dict[str, Any]:
    family = "inet6" if virtual.key.ipv6 else "inet"
    if isinstance(virtual.key, FirewallMark):
        name: dict[str, Any] = {"protocol": "fwm", "server": None, "port": 0, "fwmark": virtual.key.mark}
    else:
        protocol = virtual.key.protocol.name.lower()
        server = bracketed(virtual.key.address)
        name = {"protocol": protocol, "server": server, "port": virtual.key.port, "fwmark": None}
    return {"id": virtual.id, "family": family, **name}


def _fallback(fallback: Fallback | None) -> dict[str, Any] | None:
    if fallback is None:
        return None
    return {
        "server": bracketed(fallback.server),
        "port": fallback.port,
        "forward": fallback.forward.value,
    }


def _real(real: Real) -> dict[str, Any]:
    return {
        "server": bracketed(real.server),
        "port": real.port,
        "forward": real.forward.value,
        "weight": real.weight,
        "request": real.request,
        "receive": real.receive,
        "lower": real.lower,
        "upper": real.upper,
        "name": real.name,
    }
