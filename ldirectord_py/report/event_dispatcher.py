"""Events to their listeners, each of which is called only for events of its types."""

from __future__ import annotations

from typing import Any, Final, get_args

from ldirectord_py.report.events import Event, Listener

EVENT_TYPES: Final[tuple[type[Any], ...]] = get_args(Event)


class EventDispatcher:
    """A Listener. Its state: the listeners of each type of event, in the order in which they were added.

    Benchmark start: 11,000 rows are written, of which most listeners need not be told.
    """

    def __init__(self) -> None:
        self._listeners: dict[type[Any], list[Listener]] = {each: [] for each in EVENT_TYPES}

    def add(self, listener: Listener, *types: type[Any]) -> None:
        """Call a listener for events of these types, by default of all; raises KeyError for what is no event."""
        for each in types or EVENT_TYPES:
            self._listeners[each].append(listener)

    def __call__(self, event: Event) -> None:
        """Pass an event to its listeners."""
        for listener in self._listeners[type(event)]:
            listener(event)
