"""One check of one server, as the daemon makes it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

BOTH = ("127.0.0.1", "::1")


async def run(
    kind: str, port: int, address: str = "127.0.0.1", seconds: float = 20.0, **fields: Any
) -> tuple[Verdict, str]:
    """Return the verdict and its reason."""
    check = KINDS[kind].check
    assert check is not None
    result = await probe(check, Target(ip_address(address), port, seconds, **fields))
    return result.verdict, result.reason


@contextmanager
def public_folder(name: str) -> Iterator[Path]:
    """Yield a temporary folder that other users may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix=f"{name}.") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path
