"""The process groups that another process must end if this one is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator


class ProcessGroups:
    """The numbers of the groups; ``changed`` is called whenever one is added or removed."""

    def __init__(self) -> None:
        self._groups = set[int]()
        self.changed: Callable[[], None] = lambda: None

    def __iter__(self) -> Iterator[int]:
        return iter(self._groups)

    def add(self, group: int) -> None:
        """Add a group."""
        self._groups.add(group)
        self.changed()

    def remove(self, group: int) -> None:
        """Remove a group that has ended."""
        self._groups.discard(group)
        self.changed()
