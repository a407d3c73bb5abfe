"""Which clients get gzip."""

from __future__ import annotations

import pytest

from ldirectord_py.web.headers import prefers_gzip


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ([], False),
        ([""], False),
        (["gzip"], True),
        (["gzip, deflate, br"], True),
        (["deflate", "GZip ; Q=0.5"], True),
        (["x-gzip"], True),
        (["*"], True),
        (["*;q=0.1, br"], True),
        (["gzip;q=0"], False),
        (["gzip;q=0.000"], False),
        (["gzip;q=0, *"], False),
        (["*;q=0"], False),
        (["gzip;q=0.001"], True),
        (["identity"], False),
        (["identity, gzip"], True),
        (["identity;q=1, gzip;q=0.5"], False),
        (["identity;q=0, gzip;q=0.5"], True),
        (["notgzip"], False),
        (["gzip;q=nan"], False),
        (["gzip;q=-1"], False),
        (["gzip;q="], False),
        (["gzip;q=1.1.1"], False),
        (["gzip;q=\x1d0.5"], True),
        (["gzip;level=9"], False),
        ([";;,,;q=1"], False),
    ],
)
def test_gzip_goes_to_those_who_like_nothing_else_better(accepted: list[str], expected: bool) -> None:
    assert prefers_gzip(accepted) is expected
