"""Items made one ahead of their use."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def prefetch(items: Iterator[T]) -> Iterator[T]:
    """Yield the items in their order, each made in a thread of its own while the one before is in use.

    Where no thread is to be had they are made as they are asked for.
    """

    def following() -> list[T]:
        return list(islice(items, 1))

    with ThreadPoolExecutor(1, "ahead") as maker:
        try:
            coming = maker.submit(following)
        except RuntimeError:
            yield from items
            return
        while made := coming.result():
            coming = maker.submit(following)
            yield from made
