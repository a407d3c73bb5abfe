"""encode and decode compared with pyroute2's codec, in both directions.

Three peculiarities of pyroute2 0.9.7: it prints IPv6 netmasks as IPv4 addresses, needs the family of an address before
the address when it encodes, and takes the port of a tunnel as a number in the host's byte order.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.generic.ipvs import ipvsmsg

from contract.tables import keys, services, wrapped
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.netlink import uapi
from ldirectord_py.ipvs.netlink.decode import destination, messages, service
from ldirectord_py.ipvs.netlink.encode import batch, encode_valid
from ldirectord_py.ipvs.table import (
    IPIP,
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Row,
    Service,
    ServiceKey,
    Tunnel,
)

SERVICES = keys().flatmap(services)
DESTINATIONS = keys().flatmap(wrapped)
VERBS = st.sampled_from(Verb)
FAMILY = 32
Attributes = list[tuple[str, Any]]


def family(*, ipv6: bool) -> int:
    return 10 if ipv6 else 2


def service_key(key: ServiceKey) -> Attributes:
    head = [("IPVS_SVC_ATTR_AF", family(ipv6=key.ipv6))]
    if isinstance(key, FirewallMark):
        return [*head, ("IPVS_SVC_ATTR_FWMARK", key.mark)]
    return [
        *head,
        ("IPVS_SVC_ATTR_PROTOCOL", int(key.protocol)),
        ("IPVS_SVC_ATTR_ADDR", str(key.address)),
        ("IPVS_SVC_ATTR_PORT", key.port),
    ]


def service_values(row: Service) -> Attributes:
    mask = struct.pack("=I" if row.key.ipv6 else ">I", row.mask)
    return [
        ("IPVS_SVC_ATTR_SCHED_NAME", row.scheduler),
        ("IPVS_SVC_ATTR_FLAGS", {"flags": int(row.flags), "mask": 0xFFFFFFFF}),
        ("IPVS_SVC_ATTR_TIMEOUT", row.persistence),
        ("IPVS_SVC_ATTR_NETMASK", str(IPv4Address(mask))),
    ] + ([("IPVS_SVC_ATTR_PE_NAME", row.engine)] if row.engine else [])


def destination_key(row: Destination) -> Attributes:
    return [
        ("IPVS_DEST_ATTR_ADDR_FAMILY", family(ipv6=row.key.address.version == 6)),
        ("IPVS_DEST_ATTR_ADDR", str(row.key.address)),
        ("IPVS_DEST_ATTR_PORT", row.key.port),
    ]


def destination_values(row: Destination) -> Attributes:
    return [
        ("IPVS_DEST_ATTR_FWD_METHOD", int(row.forward)),
        ("IPVS_DEST_ATTR_WEIGHT", row.weight),
        ("IPVS_DEST_ATTR_U_THRESH", row.upper),
        ("IPVS_DEST_ATTR_L_THRESH", row.lower),
        *tunnel(row.tunnel),
    ]


def tunnel(of: Tunnel) -> Attributes:
    if of == IPIP:
        return []
    names = ("IPVS_DEST_ATTR_TUN_TYPE", "IPVS_DEST_ATTR_TUN_PORT", "IPVS_DEST_ATTR_TUN_FLAGS")
    return list(zip(names, (of.kind, socket.htons(of.port), of.flags), strict=True))


def expected(verb: Verb, row: Row) -> dict[str, dict[str, Any]]:
    whole = verb is not Verb.DELETE
    if isinstance(row, Service):
        return {"service": dict(service_key(row.key) + (service_values(row) if whole else []))}
    return {
        "service": dict(service_key(row.key.service)),
        "dest": dict(destination_key(row) + (destination_values(row) if whole else [])),
    }


def decoded(data: bytes) -> Any:
    message = ipvsmsg(data)
    message.decode()
    return message


def values(nest: Any) -> dict[str, Any]:
    """Return the attributes of a nest that pyroute2 decoded."""
    return {
        name: {"flags": value["flags"], "mask": value["mask"]} if name == "IPVS_SVC_ATTR_FLAGS" else value
        for name, value in nest["attrs"]
    }


@given(VERBS, SERVICES | DESTINATIONS)
def test_pyroute2_reads_what_is_packed(verb: Verb, row: Row) -> None:
    message = decoded(batch([Op(verb, row)], FAMILY, 7))
    nests = {name.removeprefix("IPVS_CMD_ATTR_").lower(): values(nest) for name, nest in message["attrs"]}
    assert expected(verb, row) == nests


@pytest.mark.parametrize("verb", Verb)
@given(row=SERVICES | DESTINATIONS)
def test_the_header_names_command_and_sequence(verb: Verb, row: Row) -> None:
    data = batch([Op(verb, row)], FAMILY, 7)
    header = decoded(data)["header"]
    kind = "SERVICE" if isinstance(row, Service) else "DEST"
    word = {Verb.ADD: "NEW", Verb.EDIT: "SET", Verb.DELETE: "DEL"}[verb]
    assert (len(data), FAMILY, 5, 7) == tuple(header[field] for field in ("length", "type", "flags", "sequence_number"))
    assert (getattr(uapi, f"IPVS_CMD_{word}_{kind}"), 1) == struct.unpack_from("BB", data, 16)


@given(st.lists(st.builds(Op, VERBS, SERVICES | DESTINATIONS), min_size=1, max_size=12), st.integers(1, 2**32 - 24))
def test_a_batch_is_its_messages_in_order_and_the_kernel_acknowledges_the_last(ops: list[Op], first: int) -> None:
    alone = b"".join(batch([op], FAMILY, first + number) for number, op in enumerate(ops))
    whole = batch(ops * 2, FAMILY, first)[: len(alone)]
    parts, flags = list(messages(whole)), [message.flags for message in messages(batch(ops, FAMILY, first))]
    assert [message.body for message in messages(alone)] == [message.body for message in parts]
    assert list(range(first, first + len(ops))) == [message.sequence for message in parts]
    assert [uapi.NLM_F_REQUEST] * (len(ops) - 1) + [uapi.NLM_F_REQUEST | uapi.NLM_F_ACK] == flags


@given(st.lists(SERVICES | DESTINATIONS, min_size=1, max_size=4), VERBS)
def test_encoded_rows_give_the_same_batch(rows: list[Row], verb: Verb) -> None:
    ops = [Op(verb, row) for row in rows]
    assert batch(ops, FAMILY, 7) == batch(ops, FAMILY, 7, encode_valid(rows))


def test_only_valid_rows_are_encoded() -> None:
    bad = Destination(DestinationKey(FirewallMark(1), IPv4Address("10.1.0.1"), 80), ForwardMethod.ROUTE, -1)
    good = bad._replace(weight=1)
    assert list(encode_valid([bad, good])) == [good]


def encoded(nests: Attributes) -> bytes:
    message = ipvsmsg()
    message["cmd"], message["version"] = 1, 1
    message["header"]["type"] = FAMILY
    message["attrs"] = nests
    message.encode()
    return bytes(message.data)


@given(SERVICES)
def test_what_pyroute2_packs_is_read_as_a_service(row: Service) -> None:
    data = encoded([("IPVS_CMD_ATTR_SERVICE", {"attrs": service_key(row.key) + service_values(row)})])
    assert [row] == [service(message) for message in messages(data)]


@given(DESTINATIONS)
def test_what_pyroute2_packs_is_read_as_a_destination(row: Destination) -> None:
    data = encoded([("IPVS_CMD_ATTR_DEST", {"attrs": destination_key(row) + destination_values(row)})])
    assert [row] == [destination(message, row.key.service) for message in messages(data)]
