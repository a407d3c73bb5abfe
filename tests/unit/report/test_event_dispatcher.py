"""Events to the listeners of their types."""

from __future__ import annotations

import pytest

from ldirectord_py.report.event_dispatcher import EVENT_TYPES, EventDispatcher
from ldirectord_py.report.events import Event, KernelFound, KernelLost, Listener, Probed


def test_a_listener_gets_the_events_of_its_types_in_the_order_of_addition() -> None:
    calls: list[tuple[str, Event]] = []

    def listener(name: str) -> Listener:
        return lambda event: calls.append((name, event))

    publish = EventDispatcher()
    publish.add(listener("all"))
    publish.add(listener("lost"), KernelLost)
    publish.add(listener("both"), KernelLost, KernelFound)
    lost, found = KernelLost("no table"), KernelFound()
    publish(lost)
    publish(found)
    assert calls == [("all", lost), ("lost", lost), ("both", lost), ("all", found), ("both", found)]


def test_every_event_has_listeners_and_nothing_else_has() -> None:
    assert Probed in EVENT_TYPES
    with pytest.raises(KeyError):
        EventDispatcher().add(lambda _: None, str)
