"""The kernel's own listing, read as people write it."""

from __future__ import annotations

from pathlib import Path

from harness.lab.ip_vs_table import WeightSampler, read_weights

LISTING = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
FWM  00000007 rr persistent 300 FFFFFFFF
TCP  0A090064:0050 wrr
  -> 0A09010C:0050      Masq    0      1          79
  -> 0A09010B:0050      Route   3      0          80
UDP  [fd00:0009:0000:0000:0000:0000:0000:0100]:0035 wlc ops
  -> [fd00:0009:0001:0000:0000:0000:0000:000b]:0035      Masq    1      0          0
"""


def test_services_and_destinations_are_named_as_in_ipvsadm(tmp_path: Path) -> None:
    path = tmp_path / "ip_vs"
    path.write_text(LISTING)
    assert read_weights(path) == {
        "FWM 7": {},
        "TCP 10.9.0.100:80": {"10.9.1.12:80": 0, "10.9.1.11:80": 3},
        "UDP [fd00:9::100]:53": {"[fd00:9:1::b]:53": 1},
    }


def test_an_empty_table_has_no_services(tmp_path: Path) -> None:
    path = tmp_path / "ip_vs"
    path.write_text("".join(LISTING.splitlines(keepends=True)[:3]))
    assert read_weights(path) == {}


def test_a_watch_tells_when_a_row_came_and_went(tmp_path: Path) -> None:
    row = {"TCP 10.9.0.100:80": {"10.9.1.11:80": 1}}
    watch = WeightSampler(tmp_path / "unused", samples=[(1.0, {}), (2.0, row), (3.0, {**row, "FWM 1": {}}), (4.0, {})])
    assert watch.history("TCP 10.9.0.100:80", "10.9.1.11:80") == [(1.0, None), (2.0, 1), (4.0, None)]
