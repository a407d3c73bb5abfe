"""Times as text."""

from __future__ import annotations

from harness.time_zone import BERLIN, in_time_zone
from ldirectord_py.runtime.times import iso_time, local_minute, local_time


def test_times_for_programs_are_utc_with_milliseconds() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(1795849978.1234) == "2026-11-28T07:12:58.123Z"


@in_time_zone(BERLIN)
def test_times_for_people_are_those_of_this_host() -> None:
    assert local_time("2026-11-28T03:12:45.118Z") == "2026-11-28 04:12:45"
    assert local_time("2026-07-28T03:12:45+00:00") == "2026-07-28 05:12:45"
    assert local_minute("2026-11-28T03:12:45.118Z") == "2026-11-28 04:12"
