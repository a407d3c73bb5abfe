"""What servers did, in a state file: the valid histories are read, and the rest is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.director_site import WEB, destination
from ldirectord_py import saved_flaps
from ldirectord_py.damping import FlapHistory
from ldirectord_py.health import HealthState
from ldirectord_py.saved_flaps import MAX_HISTORY_AGE, MAX_SAVED_CHANGES, flaps_section, read_flaps

NOW, OFFSET = 1_700_000_000.0, 1_699_999_000.0
KEYS = [destination(WEB, f"10.1.0.{number}:80").key for number in range(1, 6)]
ONE, TWO = (f"tcp:{WEB}", "10.1.0.1:80"), (f"tcp:{WEB}", "10.1.0.2:80")
FLAPS = FlapHistory((900.0, 950.5, 999.25), flapping=True)
CHANGED = FlapHistory((990.0,))
SERVER = {"virtual": f"tcp:{WEB}", "real": "10.1.0.1:80", "flapping": True, "changes": [NOW - 10, NOW - 5]}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def read(*servers: object, **fields: object) -> Any:
    return read_flaps({"version": 1, "servers": list(servers), **fields}, NOW, OFFSET)


def test_what_is_written_is_read() -> None:
    written = json.loads(json.dumps(flaps_section({KEYS[0]: FLAPS, KEYS[1]: CHANGED}, OFFSET)))
    assert written["servers"][0]["changes"] == [NOW - 100, NOW - 49.5, NOW - 0.75]
    assert read_flaps(written, NOW, OFFSET) == ({ONE: FLAPS, TWO: CHANGED}, ())


def test_what_a_server_may_only_do_now_is_not_kept() -> None:
    now = FLAPS._replace(checked=HealthState(up=True, successes=1), good_since=999.5)
    assert read_flaps(flaps_section({KEYS[0]: now}, OFFSET), NOW, OFFSET)[0] == {ONE: FLAPS}
    assert flaps_section({KEYS[0]: FlapHistory(good_since=5.0)}, OFFSET)["servers"] == []


def test_F42_after_a_reboot_and_with_a_clock_that_was_set_back_changes_are_in_the_past() -> None:
    found, _ = read_flaps(flaps_section({KEYS[0]: FLAPS}, OFFSET), NOW, NOW - 3.0)
    assert found[ONE].changes == (-97.0, -46.5, 2.25)
    found, _ = read_flaps(flaps_section({KEYS[0]: FLAPS}, OFFSET), NOW - 60.0, OFFSET)
    assert found[ONE].changes == (900.0, 940.0, 940.0)


def test_what_is_long_past_is_forgotten() -> None:
    old = {**SERVER, "changes": [NOW - MAX_HISTORY_AGE - 5, NOW - MAX_HISTORY_AGE]}
    assert read(old) == ({}, ())


@pytest.mark.parametrize("broken", [None, [], {}, {"servers": {}}])
def test_another_section_is_refused(broken: object) -> None:
    assert read_flaps(broken, NOW, OFFSET) == ({}, ("its section flaps has no list of servers",))


def test_another_version_is_refused() -> None:
    assert read(SERVER, version=2) == ({}, ("its section flaps has the version 2, not 1",))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"flapping": 1}, "flapping is neither true nor false"),
        ({"changes": []}, "changes is no list of times"),
        ({"changes": "x"}, "changes is no list of times"),
        ({"changes": [NOW] * 1001}, "changes is no list of times"),
        ({"changes": ["x"]}, "one of its changes is no time"),
        ({"changes": [NOW, -1]}, "one of its changes is no time"),
        ({"changes": [float("nan")]}, "one of its changes is no time"),
        ({"changes": [10**400]}, "one of its changes is no time"),
        ({"virtual": ""}, "virtual is empty"),
        ({"real": "x" * 1000}, "real is no short text"),
    ],
)
def test_an_invalid_server_is_left_out_and_named(change: dict[str, Any], fault: str) -> None:
    found, faults = read({**SERVER, **change}, {**SERVER, "real": "10.1.0.2:80"})
    assert (list(found), faults) == ([TWO], (f"server 1 of its section flaps is invalid: {fault}",))


@pytest.mark.parametrize("server", [None, [], "text", {}, 5])
def test_what_is_no_server_is_left_out(server: object) -> None:
    found, faults = read(server)
    assert (found, len(faults)) == ({}, 1)


def test_they_are_bounded_and_those_that_flap_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_SAVED_CHANGES * 25 < 5_000_000
    histories = {key: FlapHistory((900.0 + number,)) for number, key in enumerate(KEYS)} | {KEYS[2]: FLAPS}
    monkeypatch.setattr(saved_flaps, "MAX_SAVED_SERVERS", 3)
    written = flaps_section(histories, OFFSET)
    assert [each["real"] for each in written["servers"]] == ["10.1.0.3:80", "10.1.0.5:80", "10.1.0.4:80"]
    monkeypatch.setattr(saved_flaps, "MAX_SAVED_CHANGES", 4)
    assert len(flaps_section(histories, OFFSET)["servers"]) == 2
    found, faults = read(*({**SERVER, "real": f"10.1.0.{number}:80"} for number in range(5)))
    assert (len(found), faults) == (3, ("its section flaps has more than 3 servers",))


@given(content=JSON)
def test_any_json_is_read_or_refused(content: object) -> None:
    assert len(read_flaps(content, NOW, OFFSET)[1]) == 1
    read(content, {**SERVER, "changes": content}, {**SERVER, "flapping": content}, {**SERVER, "real": content})
