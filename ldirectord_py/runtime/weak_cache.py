"""A cache of objects that are in use: equal keys share one object, and an unused one is freed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class WeakCache(Generic[K, V]):
    """Returns the value that ``make`` created for a key, the same one for equal keys while it is referenced elsewhere.

    The last ``recent`` values stay in any case, for callers that need the same one again soon.
    """

    def __init__(self, make: Callable[[K], V], recent: int) -> None:
        self._make = make
        self._live: WeakValueDictionary[K, V] = WeakValueDictionary()
        self._recent: deque[V] = deque(maxlen=recent)

    def __call__(self, key: K) -> V:
        """Return the value of the key; raises what ``make`` raises."""
        value = self._live.get(key)
        if value is None:
            value = self._live[key] = self._make(key)
            self._recent.append(value)
        return value
