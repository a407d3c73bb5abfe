"""Process groups that somebody else has to end, should this process be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator


class ProcessGroups:
    """The groups that are there, by number; ``changed`` is called whenever one comes or goes."""

    def __init__(self) -> None:
        self._groups = set[int]()
        self.changed: Callable[[], None] = lambda: None

    def __iter__(self) -> Iterator[int]:
        return iter(self._groups)

    def add(self, group: int) -> None:
        """Add one."""
        self._groups.add(group)
        self.changed()

    def remove(self, group: int) -> None:
        """Remove one that is gone."""
        self._groups.discard(group)
        self.changed()
