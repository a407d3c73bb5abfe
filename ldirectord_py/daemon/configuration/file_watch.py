"""Notices changes in the files of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ldirectord_py.config.include import Contents
from ldirectord_py.daemon.configuration.snapshot import (
    Fingerprint,
    changed_file,
    fingerprint,
    read_again,
    unreadable,
)
from ldirectord_py.runtime.threads import run_in_daemon_thread

DISK_TIMEOUT: Final = 5.0
"""Seconds for one fingerprint of the files, or for reading them."""


class FileWatch:
    """Compares the files of a configuration with their ``contents`` when they were last read.

    Its state: these contents, the fingerprints of the files then and at the last poll, and whether the disk has not
    answered yet.
    """

    def __init__(self, path: Path, contents: Contents) -> None:
        self.contents = contents
        self._path = path
        self._fingerprint_read: Fingerprint | None = None
        self._fingerprint_polled: Fingerprint | None = None
        self._waiting = False

    async def poll(self) -> str | None:
        """Return the name of the first file whose text has changed since it was last read, None if none has.

        A change is reported when two polls in a row have found the same files, so that no half-written file is read.
        """
        current = await self._read_fingerprint()
        stable, self._fingerprint_polled = current == self._fingerprint_polled, current
        if not stable or current in (None, self._fingerprint_read):
            return None
        before = self.contents
        await self.read()
        return changed_file(before, self.contents)

    async def read(self) -> None:
        """Read the files as they are now; the main file counts as unreadable if the disk does not answer."""
        before = self.contents
        self._fingerprint_read = await self._read_fingerprint()
        try:
            self.contents = await run_in_daemon_thread(lambda: read_again(self._path, before), DISK_TIMEOUT)
        except OSError:
            self.contents = unreadable(before)

    async def _read_fingerprint(self) -> Fingerprint | None:
        """Return the fingerprint of the files, None if the disk does not answer; uses one thread at a time."""
        if self._waiting:
            return None
        self._waiting, contents = True, self.contents
        try:
            return await run_in_daemon_thread(lambda: self._fingerprint_in_thread(contents), DISK_TIMEOUT)
        except TimeoutError:
            return None
        except OSError:
            self._waiting = False
            return None

    def _fingerprint_in_thread(self, contents: Contents) -> Fingerprint:
        try:
            return fingerprint(self._path, contents)
        finally:
            self._waiting = False
