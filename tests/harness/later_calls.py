"""Stands in for ``call_later`` of an event loop, with a clock that tests turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class LaterCall:
    """A call that comes when its time has, unless it is cancelled."""

    due: float
    call: Callable[[], None]
    calls: list[LaterCall] = field(repr=False)

    def cancel(self) -> None:
        if self in self.calls:
            self.calls.remove(self)


class LaterCalls:
    """Its state: the time in seconds, and the calls to come."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[LaterCall] = []

    def __call__(self, seconds: float, call: Callable[[], None]) -> LaterCall:
        later = LaterCall(self.now + seconds, call, self.calls)
        self.calls.append(later)
        return later

    def let_pass(self, seconds: float) -> None:
        """Let time pass, and do what is due, in its order."""
        self.now += seconds
        for each in sorted(self.calls, key=lambda each: each.due):
            if each.due <= self.now and each in self.calls:
                self.calls.remove(each)
                each.call()
