"""table: keys with their addresses, and rows that survive a pickle."""

from __future__ import annotations

import pickle
import subprocess
import sys
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from contract.tables import destinations, keys, services
from ldirectord_py.address import endpoint
from ldirectord_py.ipvs.table import DestinationKey, Row, ServiceKey

ROWS: st.SearchStrategy[Row] = keys().flatmap(services) | keys().flatmap(destinations)
LOOK_UP = """
import pickle, sys
from ipaddress import ip_address
from ldirectord_py.address import endpoint
from ldirectord_py.ipvs.table import DestinationKey, Protocol, VirtualAddress
key = DestinationKey(VirtualAddress(Protocol.TCP, ip_address("2001:db8::1"), 80), ip_address("10.1.0.1"), 80)
if sys.argv[1:]:
    print(pickle.loads(bytes.fromhex(sys.argv[1])) in {key})
else:
    print(pickle.dumps(key).hex())
"""


@given(keys())
def test_a_key_has_its_address(key: ServiceKey) -> None:
    for address in ("10.1.0.1", "2001:db8::1"):
        made = DestinationKey(key, ip_address(address), 80)
        assert (ip_address(address), ":" in address) == (made.address, made.ipv6)
        assert repr(ip_address(address)) in repr(made)
        assert made.endpoint == endpoint(ip_address(address), 80)


@given(ROWS)
def test_a_row_survives_a_pickle(row: Row) -> None:
    copy = pickle.loads(pickle.dumps(row))  # noqa: S301  our own
    assert row == copy
    assert {row.key: row} == {copy.key: copy}


def test_a_pickled_key_is_found_in_another_process() -> None:
    key = _python()
    assert _python(key) == "True"


def _python(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", LOOK_UP, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()
