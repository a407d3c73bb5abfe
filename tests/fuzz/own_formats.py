"""What clients, operators, workers, browsers and programs of the site hand to the daemon."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from builders import down, real, up
from fuzz.target import FuzzTarget, each
from ldirectord_py.administration import AdministrativeEntry, AdministrativeState, Decision, by_identity
from ldirectord_py.checks.certificate import expiry
from ldirectord_py.checks.protocols.oracle_session import _verdict
from ldirectord_py.config.addresses import HostName
from ldirectord_py.control.protocol import ControlRequest, RequestError, answer_fields, decode_request, encode_pieces
from ldirectord_py.control.rights import UNKNOWN_PEER
from ldirectord_py.daemon.workers.messages import Update, decode_update
from ldirectord_py.damping import FlapHistory
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import DestinationKey, FirewallMark
from ldirectord_py.maintenance_names import in_maintenance, index_servers
from ldirectord_py.runtime.output import MAX_OUTPUT, Output
from ldirectord_py.saved_addresses import addresses_section, read_addresses
from ldirectord_py.saved_flaps import flaps_section, read_flaps
from ldirectord_py.saved_state import (
    ADDRESSES,
    ADMINISTRATION,
    FLAPS,
    DamagedStateError,
    SavedState,
    administration_section,
    read_administration,
    read_state,
    with_section,
)
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.headers import prefers_gzip
from ldirectord_py.web.stream_messages import StreamMessages

REQUESTS: Final = (RequestError,)
ARGUMENTS: Final = ("names", "why", "until", "since", "wait")
"""Arguments of requests; each is read in every way here."""


def _request(data: bytes) -> None:
    """Read a line of a client with its arguments, and write an answer that repeats them."""
    request = decode_request(data, UNKNOWN_PEER)
    for name in ARGUMENTS:
        for read in _READERS:
            with suppress(*REQUESTS):
                read(request, name)
    "".join(encode_pieces(answer_fields(request.id, {"request": request.name}))).encode()


_READERS: Final[tuple[Callable[[ControlRequest, str], object], ...]] = (
    lambda request, name: request.text(name).encode(),
    ControlRequest.texts,
    ControlRequest.flag,
    lambda request, name: 0 < request.number(name) < 1e11,
)


def _state(data: bytes) -> None:
    """Read a state file, and write it again: what was read can be written, and stays the same."""
    state = read_state(data, "web")
    entries, faults = read_administration(state.sections.get(ADMINISTRATION))
    hosts, of_names = read_addresses(state.sections.get(ADDRESSES))
    _, of_flaps = read_flaps(state.sections.get(FLAPS), 1.7e9, 1.7e9)
    assert all(fault.isprintable() for fault in (*faults, *of_names, *of_flaps)), (faults, of_names, of_flaps)
    state = with_section(state, ADMINISTRATION, administration_section(entries))
    written = read_state(with_section(state, ADDRESSES, addresses_section(hosts)).to_bytes("web"), "web")
    assert read_administration(written.sections[ADMINISTRATION]) == (entries, ())
    assert read_addresses(written.sections[ADDRESSES]) == (hosts, ())


_ENTRIES = by_identity(
    [
        AdministrativeEntry(
            "192.0.2.1:80", "10.0.0.1:80", "web1:80", AdministrativeState.DRAIN, Decision("joe", 1.7e9, "disk", 1.8e9)
        ),
        AdministrativeEntry("192.0.2.1:80", "10.0.0.2:80", None, AdministrativeState.DISABLED, Decision("ann", 1.7e9)),
    ]
)
_HOSTS = {HostName("web1", ipv6=False): ip_address("10.0.0.1"), HostName("web6", ipv6=True): ip_address("2001:db8::1")}
_FLAPPED = {DestinationKey(FirewallMark(1), ip_address("10.0.0.1"), 80): FlapHistory((1.5, 2.5), flapping=True)}
_SECTIONS = {
    ADMINISTRATION: administration_section(_ENTRIES),
    ADDRESSES: addresses_section(_HOSTS),
    FLAPS: flaps_section(_FLAPPED, 1.7e9),
    "later": {"version": 9, "a": [1, None]},
}


def _text(data: bytes) -> str:
    """Return a header or a file name as Python has it."""
    return data.decode("utf-8", "surrogateescape")


_FEED = cast("Feed", SimpleNamespace(epoch="e", board=SimpleNamespace(revision=3), last_event=4))
_MESSAGES = StreamMessages(_FEED)

_SERVER = ip_address("192.0.2.7")
_SERVERS = index_servers(
    [(DestinationKey(FirewallMark(1), _SERVER, 80), real("192.0.2.7:80", name="web1"))], {_SERVER: "web1.example.com"}
)


class Printed(Output):
    """The output of a command that has ended."""

    def __init__(self, data: bytes) -> None:
        self._kept = data[-MAX_OUTPUT:]

    def _read_available(self) -> bool:
        return False


def _last_line(data: bytes) -> None:
    assert Printed(data).last_line().isprintable()


_PEM = (Path(__file__).parents[1] / "unit/checks/transport/mail.example.com.pem").read_text()
_DER = ssl.PEM_cert_to_DER_cert(_PEM.partition("-----BEGIN PRIVATE KEY")[0].strip())

_LINES: Final[tuple[dict[str, Any], ...]] = (
    {"v": 1, "id": 7, "request": "show", "names": ["web*", "a"], "wait": True},
    {"request": "drain", "id": "x", "names": ["web1"], "why": "disk", "until": 60.5, "since": 9},
)
_UPDATE = Update([(1, up()), (2, down())], [(30, "ldirectord", "a line")], [17], [(3, down())])

TARGETS: Final = (
    FuzzTarget("control-line", _request, REQUESTS, tuple(json.dumps(line).encode() for line in _LINES)),
    FuzzTarget("state-file", _state, (DamagedStateError,), (SavedState(_SECTIONS).to_bytes("web"),), memory=4 << 20),
    FuzzTarget("worker-update", decode_update, (ValueError, TypeError), (_UPDATE.encode()[4:],)),
    FuzzTarget(
        "page-headers",
        each((), lambda data: prefers_gzip(_text(data).split("\n")), lambda data: _MESSAGES.position(_text(data))),
        (),
        (b"gzip;q=0.5, identity;q=1.0, *;q=0", b"br\nx-gzip", b"e.3.4"),
    ),
    FuzzTarget(
        "maintenance-file",
        lambda data: in_maintenance([_text(data)], _SERVERS),
        (),
        (b"web1.example.com:80", b"[::1]:80", b"192.0.2.7"),
    ),
    FuzzTarget("script-output", _last_line, (), (b"one\ntwo\n\n", b"\xff\x1b[31m" * 50), max_length=8192),
    FuzzTarget("certificate", expiry.__wrapped__, (), (_DER,)),
    FuzzTarget(
        "oracle",
        lambda data: _verdict(data, 0),
        (CheckFailed,),
        (b"logged in\nup got a row\n", b"down no\n", b"refused ORA-01017\n"),
    ),
)
