"""The metrics of virtuals."""

from __future__ import annotations

from harness.scraped import scraped, value, virtual
from harness.shown import BROKEN, real

NAME = "tcp:10.0.0.1:80"


def test_a_virtual() -> None:
    fallback = {"server": "127.0.0.1:80", "used": True, "kernel": None, "disagrees": []}
    durations = [{"virtual": NAME, "counts": [4, 1, 0, 2], "sum": 9.5}]
    outages = [{"virtual": NAME, "count": 3}]
    site = virtual(NAME, real(), BROKEN, servicename="shop", fallback=fallback)
    found = scraped(site, durations=durations, outages=outages)
    assert value(found, "ldirectord_virtual_reals", virtual=NAME, local_address="10.0.0.1", proto="TCP") == 2
    assert value(found, "ldirectord_virtual_reals_up") == 1
    assert value(found, "ldirectord_virtual_reals_unresolved") == 0
    assert value(found, "ldirectord_virtual_fallback_used") == 1
    assert value(found, "ldirectord_virtual_outages_total") == 3
    assert value(found, "ldirectord_virtual_info", servicename="shop", scheduler="wrr", service="http") == 1
    assert value(found, "ldirectord_check_duration_seconds_bucket", le="0.1") == 5
    assert value(found, "ldirectord_check_duration_seconds_count", virtual=NAME) == 7
    assert value(found, "ldirectord_check_duration_seconds_sum") == 9.5


def test_what_has_not_happened_yet_is_zero_and_what_there_is_not_is_absent() -> None:
    found = scraped(virtual(NAME, real()))
    assert value(found, "ldirectord_virtual_outages_total") == 0
    assert not found.keys() & {"ldirectord_virtual_fallback_used", "ldirectord_check_duration_seconds_count"}


def test_marks_of_both_families_are_two_virtuals() -> None:
    found = scraped(virtual("fwm:1", real("10.1.0.1:80")), virtual("fwm6:1", real("[2001:db8::1]:80")))
    assert value(found, "ldirectord_virtual_reals", virtual="fwm6:1", local_mark="00000001") == 1
    assert len(found["ldirectord_real_up"]) == 2
