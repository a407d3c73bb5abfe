"""What became of the client's requests is read from the script's lines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from harness.lab.client import Request, Traffic

LINES = """\
10.000 0.010 ok web1
10.100 0.020 ok web2
10.200 3.000 failed timeout
11.000 0.010 ok web1
11.100 0.0"""  # a line that is being written


def test_requests_are_counted_by_server_and_time(tmp_path: Path) -> None:
    path = tmp_path / "requests"
    path.write_text(LINES)
    traffic = Traffic(path)
    assert traffic.counts() == Counter(web1=2, web2=1)
    assert traffic.counts(since=10.05, until=11) == Counter(web2=1)
    assert traffic.failures() == [Request(10.2, 3.0, "", "timeout")]
    assert traffic.failures(since=10.5) == []
    path.write_text(f"{LINES}10 ok web2\n12.000 0.010 ok web2\n")
    assert traffic.counts() == Counter(web1=2, web2=3)
