"""What the stream says: what a client has not seen, once, and the same text for all who have seen the same."""

from __future__ import annotations

import json

import pytest

from harness.watch_answers import VIRTUAL, real, update, whole
from ldirectord_py.web.feed import Feed
from ldirectord_py.web.stream_messages import MAX_EVENTS_SENT, StreamMessages, StreamPosition


@pytest.fixture
def feed() -> Feed:
    made = Feed()
    made.servers.apply(whole(real(), real("10.0.0.2:80", 1)), 0.0)
    made.board.apply_answer(made.servers, 0.0)
    return made


def fail(feed: Feed) -> None:
    """Let a server go down."""
    changes = feed.servers.apply(update(real(up=False)), 1.0)
    assert changes
    feed.board.apply_changes(feed.servers, changes, 1.0)


def parsed(text: str) -> list[tuple[str, str, object]]:
    """Return the name, the id and the data of each message."""
    fields = [dict(line.split(": ", 1) for line in message.split("\n")) for message in text.split("\n\n")[:-1]]
    return [(each["event"], each["id"], json.loads(each["data"])) for each in fields]


def test_what_changed_is_said_once(feed: Feed) -> None:
    messages = StreamMessages(feed)
    seen = messages.position("")
    assert messages.after(seen) == ("", seen)
    fail(feed)
    text, seen = messages.after(seen)
    ((name, number, data),) = [each for each in parsed(text) if each[0] == "rows"]
    assert (name, number) == ("rows", f"{feed.epoch}.{feed.board.revision}.0")
    assert isinstance(data, dict)
    assert list(data["rows"]) == [f"{VIRTUAL}/10.0.0.1:80"]
    assert data["summary"]["up"] == 1
    assert messages.position(number) == seen == StreamPosition(feed.board.revision, 0)
    assert messages.after(seen) == ("", seen)


def test_who_has_seen_the_same_gets_the_same_text_and_others_get_theirs(feed: Feed) -> None:
    messages = StreamMessages(feed)
    old = messages.position("")
    fail(feed)
    between = messages.position("")
    feed.events.append({"seq": 1, "event": "server-down"})
    first, newest = messages.after(old)
    assert messages.after(old)[0] is first
    other, same = messages.after(between)
    assert same == newest
    assert [name for name, _, _ in parsed(first)][-2:] == ["rows", "journal"]
    assert [name for name, _, _ in parsed(other)] == ["journal"]
    assert messages.after(old) == (first, newest)


def test_many_events_are_several_messages_each_with_its_number(feed: Feed) -> None:
    messages = StreamMessages(feed)
    seen = messages.position("")
    feed.events.extend({"seq": seq, "event": "server-down"} for seq in range(1, MAX_EVENTS_SENT + 6))
    text, _ = messages.after(seen)
    assert [number.rpartition(".")[2] for _, number, _ in parsed(text)] == [
        f"{MAX_EVENTS_SENT}",
        f"{MAX_EVENTS_SENT + 5}",
    ]


@pytest.mark.parametrize("last_id", ["nonsense", "0000.1.1", "a.b.c", ".."])
def test_whoever_cannot_resume_reads_the_page_again_and_then_follows(feed: Feed, last_id: str) -> None:
    messages = StreamMessages(feed)
    text, seen = messages.after(messages.position(last_id))
    assert [(name, data) for name, _, data in parsed(text)] == [("again", {})]
    assert messages.after(seen) == ("", seen)
