"""Every decoder of bytes from outside, by name."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Final

from fuzz import configurations, datagrams, dialogues, kernel_answers, own_formats
from fuzz.target import FuzzTarget

MODULES: Final = (configurations, kernel_answers, dialogues, datagrams, own_formats)
TARGETS: Final[Mapping[str, FuzzTarget]] = {
    target.name: target for target in chain.from_iterable(module.TARGETS for module in MODULES)
}

SAME_DECODER: Final[Mapping[str, str]] = {
    "https": "http",
    "http_proxy": "http",
    "imaps": "imap",
    "ldaps": "ldap",
    "pops": "pop",
    "submission": "smtp",
}
"""Services whose answers are read by the decoder of another one."""
