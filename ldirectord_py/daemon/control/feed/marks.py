"""What the next updates of a feed have to say, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ldirectord_py.daemon.control.feed.layout import FeedLayout
from ldirectord_py.daemon.control.servers.knowledge import Knowledge
from ldirectord_py.daemon.control.servers.server_fields import VirtualView
from ldirectord_py.ipvs.table import DestinationKey, Key, ServiceKey
from ldirectord_py.runtime.json_lines import encode_json


class FeedMarks:
    """Its state: the servers and virtuals whose rows may have changed, and the servers with other connections.

    Also the ``results`` that changed no row: of each the number of the server, its age in milliseconds, and its
    duration in microseconds, one after the other.
    """

    def __init__(self, layout: FeedLayout) -> None:
        self.layout = layout
        self.reals: dict[int, None] = {}
        self.virtuals: dict[ServiceKey, None] = {}
        self.counted: dict[int, None] = {}
        self.results: list[int] = []

    def add(self, number: int) -> None:
        """Mark a server, and its virtual."""
        self.reals[number] = None
        self.virtuals[self.layout.reals[number][1].key.service] = None

    def add_servers(self, keys: Iterable[DestinationKey]) -> None:
        """Mark these servers, as far as the configuration has them."""
        for key in keys:
            if (number := self.layout.numbers.get(key)) is not None:
                self.add(number)

    def add_row(self, key: Key) -> None:
        """Mark whatever has this row in the kernel."""
        if not isinstance(key, DestinationKey):
            return
        for number in self.layout.by_row.get(key, ()):
            self.add(number)
        if key.service in self.layout.compiled.virtuals:
            self.virtuals[key.service] = None

    def add_counts(self, key: DestinationKey) -> None:
        """Mark whatever has this row in the kernel, whose weight is as before."""
        numbers = self.layout.by_row.get(key)
        if numbers is not None:
            self.counted.update(dict.fromkeys(numbers))
        if (numbers is None or key in self.layout.fallbacks) and key.service in self.layout.compiled.virtuals:
            self.virtuals[key.service] = None

    def add_results(self, limit: int, now: int) -> None:
        """Add the results that are new, ``limit`` at most; ``now``: of the monotonic clock, in nanoseconds.

        One with other words than before marks the row; if the health changes, an event of the director does.
        """
        results, published = self.results, self.layout.words
        for number, at, seconds, reason, end in self.layout.fresh.new_results(limit):
            words = published[number]
            if words[0] == reason and (end is None or end == words[1]):
                results += (number, (now - at) // 1_000_000, int(1_000_000 * seconds + 0.5))
            else:
                published[number] = reason, words[1] if end is None else end
                self.add(number)

    def real_rows(self, numbers: Sequence[int], known: Knowledge) -> Iterator[str]:
        """Yield the rows of these servers as JSON; they are marked no more."""
        views: dict[ServiceKey, VirtualView] = {}
        for number in numbers:
            self.reals.pop(number, None)
            self.layout.words[number] = self.layout.fresh.words(number)  # may be ahead of ``add_results``
            compiled, real, check = self.layout.reals[number]
            view = views.get(real.key.service)
            if view is None:
                view = views[real.key.service] = VirtualView(compiled, known)
            yield encode_json({"number": number, **view.real(real, check)})

    def virtual_rows(self, services: Sequence[ServiceKey], known: Knowledge) -> Iterator[str]:
        """Yield the rows of these virtuals as JSON; they are marked no more."""
        for key in services:
            self.virtuals.pop(key, None)
            yield encode_json(VirtualView(self.layout.compiled.virtuals[key], known).fields())

    def take_results(self) -> list[int]:
        """Return the results, which are marked no more."""
        results, self.results = self.results, []
        return results

    def take_connections(self, known: Knowledge) -> list[int]:
        """Return number, active, inactive and persistent connections of each server whose counts have changed."""
        counted, self.counted = self.counted, {}
        found: list[int] = []
        for number in counted:
            used = known.kernel.usage.get(self.layout.reals[number][1].row)
            if used is not None:
                found += (number, used.active, used.inactive, used.persistent)
        return found
