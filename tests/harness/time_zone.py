"""Time zones of this process, for tests of local times."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

BERLIN: Final = "CET-1CEST,M3.5.0,M10.5.0/3"


@contextmanager
def in_time_zone(name: str) -> Iterator[None]:
    """Let local times be those of this zone during the block, or during the test that it decorates."""
    try:
        with patch.dict(os.environ, TZ=name):
            time.tzset()
            yield
    finally:
        time.tzset()
