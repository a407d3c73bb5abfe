"""Reads back what ``dump`` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import yaml

from ldirectord_py.address import Address
from ldirectord_py.config.model import (
    AlertStatus,
    Authorities,
    CheckType,
    Config,
    Fallback,
    Forward,
    Globals,
    Real,
    Virtual,
)
from ldirectord_py.ipvs.table import FirewallMark, Protocol, ServiceKey, VirtualAddress


def from_yaml(text: str) -> Config:
    """Return the configuration that ``to_yaml`` wrote with its secrets shown."""
    content = yaml.safe_load(text)
    return Config(_globals(content["globals"]), tuple(_virtual(virtual) for virtual in content["virtuals"]))


def _statuses(words: list[str]) -> tuple[AlertStatus, ...]:
    return tuple(AlertStatus(word) for word in words)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "checktype": CheckType,
    "emailalertstatus": _statuses,
    "execute": tuple,
    "tlsca": lambda file: file if file is None else Authorities(file),
}


def _fields(kind: type[Globals | Virtual], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the fields that the content has, read as the fields want them."""
    names = (field.name for field in fields(kind) if field.name in content)
    return {name: _READERS.get(name, _same)(content[name]) for name in names}


def _same(value: Any) -> Any:
    return value


def _globals(content: Mapping[str, Any]) -> Globals:
    return Globals(**_fields(Globals, content))


def _virtual(content: Mapping[str, Any]) -> Virtual:
    values = _fields(Virtual, content)
    values["reals"] = tuple(_real(real) for real in content["reals"])
    values["fallback"] = None if content["fallback"] is None else _fallback(content["fallback"])
    return Virtual(_key(content), **values)


def _key(content: Mapping[str, Any]) -> ServiceKey:
    if content["protocol"] == "fwm":
        return FirewallMark(content["fwmark"], content["family"] == "inet6")
    return VirtualAddress(Protocol[content["protocol"].upper()], _address(content["server"]), content["port"])


def _address(text: str) -> Address:
    return IPv6Address(text[1:-1]) if text.startswith("[") else IPv4Address(text)


def _fallback(content: Mapping[str, Any]) -> Fallback:
    return Fallback(_address(content["server"]), content["port"], Forward(content["forward"]))


def _real(content: Mapping[str, Any]) -> Real:
    return Real(**{**content, "server": _address(content["server"]), "forward": Forward(content["forward"])})
