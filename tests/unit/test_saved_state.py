"""Whatever a state file contains: its valid entries are read, and the rest is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import real, virtual
from ldirectord_py import saved_state
from ldirectord_py.administration import MAX_ENTRIES, AdministrativeState, Decision, by_identity, entry_of
from ldirectord_py.saved_state import (
    ADDRESSES,
    ADMINISTRATION,
    FLAPS,
    MAX_NESTING,
    DamagedStateError,
    SavedState,
    administration_section,
    entry_fields,
    read_administration,
    read_state,
    with_section,
)

INSTANCE = "web.cf"
ENTRY = entry_of(
    virtual("10.0.0.1:80"),
    real("10.1.0.1:80", name="web1"),
    AdministrativeState.DRAIN,
    Decision("alice", 1_700_000_000.5, "new kernel", 1_700_000_600.0),
)
ENTRIES = by_identity([ENTRY])
STATE = with_section(SavedState({"names": {"version": 7, "kept": [1, None]}}), ADMINISTRATION, {})
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def section(*servers: object, **fields: object) -> dict[str, Any]:
    return {"version": 1, "servers": list(servers), **fields}


def test_what_is_written_is_read() -> None:
    written = with_section(STATE, ADMINISTRATION, administration_section(ENTRIES)).to_bytes(INSTANCE)
    found = read_state(written, INSTANCE)
    assert read_administration(found.sections[ADMINISTRATION]) == (ENTRIES, ())


def test_sections_of_later_versions_are_kept() -> None:
    again = with_section(read_state(STATE.to_bytes(INSTANCE), INSTANCE), ADMINISTRATION, administration_section({}))
    assert read_state(again.to_bytes(INSTANCE), INSTANCE).sections["names"] == {"version": 7, "kept": [1, None]}


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "it is no JSON"),
        (b"\xff\xfe", "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b"9" * 10_000, "it is no JSON"),
        (b"[]", "it is no state file"),
        (b'{"format": "other"}', "it is no state file"),
        (STATE.to_bytes("other.cf"), "it is of the instance 'other.cf'"),
        (STATE.to_bytes(INSTANCE).replace(b'"version": 1', b'"version": 2'), "its version is 2, not 1"),
        (b'{"format": "ldirectord-state", "version": 1, "instance": "web.cf"}', "it has no sections"),
    ],
)
def test_another_file_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(DamagedStateError, match=fault):
        read_state(data, INSTANCE)


@pytest.mark.parametrize("length", range(0, 400, 7))
def test_a_truncated_file_is_refused(length: int) -> None:
    with pytest.raises(DamagedStateError):
        read_state(with_section(STATE, ADMINISTRATION, administration_section(ENTRIES)).to_bytes(INSTANCE)[:length], "")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"state": "ready"}, "a server that is ready has no entry"),
        ({"state": "gone"}, "'gone' is not a valid"),
        ({"state": []}, "is not a valid"),
        ({"virtual": ""}, "virtual is empty"),
        ({"virtual": 5}, "virtual is no short text"),
        ({"why": "x" * 1000}, "why is no short text"),
        ({"why": "a\nb"}, "why is no short text"),
        ({"why": None}, "why is no short text"),
        ({"name": 1}, "name is no short text"),
        ({"who": None}, "who is no short text"),
        ({"since": "now"}, "since is no time"),
        ({"since": True}, "since is no time"),
        ({"until": float("inf")}, "until is no time"),
        ({"until": float("nan")}, "until is no time"),
        ({"until": -1}, "until is no time"),
        ({"absent": 10**400}, "absent is no time"),
    ],
)
def test_an_invalid_entry_is_left_out_and_named(change: dict[str, Any], fault: str) -> None:
    entries, faults = read_administration(section({**entry_fields(ENTRY), **change}, entry_fields(ENTRY)))
    assert entries == ENTRIES
    assert len(faults) == 1
    assert fault in faults[0]


@pytest.mark.parametrize("server", [None, [], "text", {}, {"state": "drain"}])
def test_what_is_no_entry_is_left_out(server: object) -> None:
    entries, faults = read_administration(section(server))
    assert (entries, len(faults)) == ({}, 1)


@pytest.mark.parametrize("broken", [None, [], {}, {"servers": {}}, section(version=2), section(version="1")])
def test_another_section_is_refused(broken: object) -> None:
    entries, faults = read_administration(broken)
    assert (entries, len(faults)) == ({}, 1)
    assert "section administration" in faults[0]


def test_entries_are_bounded() -> None:
    entries, faults = read_administration(
        section(*({**entry_fields(ENTRY), "name": f"web{number}:80"} for number in range(MAX_ENTRIES + 5)))
    )
    assert (len(entries), faults) == (
        MAX_ENTRIES,
        (f"its section administration has more than {MAX_ENTRIES} servers",),
    )


@given(content=JSON)
def test_any_json_is_read_or_refused(content: object) -> None:
    def is_refused(data: object) -> bool:
        try:
            found = read_state(json.dumps(data).encode(), INSTANCE)
        except DamagedStateError:
            return True
        entries, faults = read_administration(found.sections.get(ADMINISTRATION))
        return (entries, len(faults)) == ({}, 1)

    envelope = json.loads(STATE.to_bytes(INSTANCE))
    for data in (content, {**envelope, "sections": content}, {**envelope, "sections": {ADMINISTRATION: content}}):
        assert is_refused(data)
    read_administration(section(content, content))


def test_a_file_without_room_for_all_of_it_keeps_what_operators_did(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {ADMINISTRATION: administration_section(ENTRIES), ADDRESSES: {"x": "y" * 500}, FLAPS: {"x": "y" * 500}}
    for kept in (parts.keys(), {ADMINISTRATION, ADDRESSES}, {ADMINISTRATION}):
        room = len(SavedState({name: parts[name] for name in kept}).to_bytes(INSTANCE))
        monkeypatch.setattr(saved_state, "MAX_BYTES", room)
        assert read_state(SavedState(parts).to_bytes(INSTANCE), INSTANCE).sections.keys() == kept
        monkeypatch.undo()
    monkeypatch.setattr(saved_state, "MAX_BYTES", 10)
    assert read_state(SavedState(parts).to_bytes(INSTANCE), INSTANCE).sections.keys() == {ADMINISTRATION}


@pytest.mark.parametrize("levels", [MAX_NESTING, 300, 900, 100_000])
@pytest.mark.parametrize("place", ["sections", "version", "instance"])
def test_a_file_that_is_nested_too_deep_is_refused(levels: int, place: str) -> None:
    """It could be read, and then never be written again."""
    fields = {"format": "ldirectord-state", "version": 1, "instance": INSTANCE, "sections": {}, place: "NESTED"}
    data = json.dumps(fields).replace('"NESTED"', '{"a":' * levels + "1" + "}" * levels).encode()
    with pytest.raises(DamagedStateError, match=r"nested more than 100 deep|no JSON: maximum recursion"):
        read_state(data, INSTANCE)


def test_a_file_that_is_nested_less_deep_is_kept() -> None:
    section: Any = 1
    for _ in range(MAX_NESTING - 2):  # the file and its sections are nested too
        section = [section]
    state = SavedState({"later": section})
    assert read_state(state.to_bytes(INSTANCE), INSTANCE) == state
