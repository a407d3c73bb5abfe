"""A cache that holds what it made only while somebody uses it, however many entries that are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class WeakCache(Generic[K, V]):
    """Returns the value made for a key; equal keys share it as long as somebody holds it.

    The last ``recent`` values made stay in any case, for callers that ask for the same one again at once.
    """

    def __init__(self, make: Callable[[K], V], recent: int) -> None:
        self._make = make
        self._live: WeakValueDictionary[K, V] = WeakValueDictionary()
        self._recent: deque[V] = deque(maxlen=recent)

    def __call__(self, key: K) -> V:
        """Return the value of the key; raises what making it raises."""
        value = self._live.get(key)
        if value is None:
            value = self._live[key] = self._make(key)
            self._recent.append(value)
        return value
