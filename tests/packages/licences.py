"""Which licence a component has, whether it may be in the package, and what of its texts copyright has to repeat."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

NOT_STATED = {"aiosignal": "Apache-2.0", "jinja2": "BSD-3-Clause", "uvloop": "MIT OR Apache-2.0"}
"""The licences, as SPDX expressions, of components whose metadata say them in other words; read from their texts."""

COMPATIBLE = frozenset(
    (
        *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "GPL-2.0-or-later", "MIT", "MIT-0"),
        *("PSF-2.0", "UPL-1.0"),
    )
)
"""Licences that may be combined with GPL-3.0-or-later; CNRI-Python by the permission in LICENSE.permission."""

REFERENCES = {
    "Apache-2.0": (
        r"Apache License[\s=]+Version 2\.0,? January 2004\b.*?"
        r"accepting\s+any\s+such\s+warranty\s+or\s+additional\s+liability\."
        r"(?:\s*END OF TERMS AND CONDITIONS)?(?:\s*APPENDIX: How to apply.*?limitations under the License\.)?"
    ),
    "GPL-2": (
        r"GNU GENERAL PUBLIC LICENSE\s+Version 2, June 1991\b.*?END OF TERMS AND CONDITIONS"
        r"(?:\s*How to Apply These Terms.*?instead of this License\.)?"
    ),
}
"""Texts that each Debian system has, and that copyright must not repeat."""

NOTICE = re.compile(r"(?:Copyright|COPYRIGHT)\W+\w|(?:\([cC]\)|©)\s*\d{4}")
NO_NOTICE = re.compile(
    r"\[yyyy\]|<year>|copyright (?:notice|owner|holder|licen[cs]e|statement|law|interest|and related)", re.IGNORECASE
)
"""Sentences about notices and owners, and forms to fill in."""


class UnknownLicenceError(Exception):
    """A component has a licence that nobody has looked at: see NOT_STATED and COMPATIBLE."""


def licence_of(name: str, metadata: Message) -> str:
    """Return the licence of a component as an SPDX expression; UnknownLicenceError unless it is a compatible one."""
    stated = str(metadata["License-Expression"] or NOT_STATED.get(name) or metadata["License"] or "")
    if not stated or set(re.split(r"\s+(?:AND|OR)\s+", stated)) - COMPATIBLE:
        raise UnknownLicenceError(f"{name}: {stated or 'no licence is stated'}")
    return stated


def trimmed(text: str) -> str:
    """Return the text of a licence, with a reference in place of each licence that Debian systems have."""
    for name, pattern in REFERENCES.items():
        reference = f"[The text of this licence is in /usr/share/common-licenses/{name}.]"
        text = re.sub(pattern, reference, text, flags=re.DOTALL)
    return re.sub(r"\n\s*\n\s*\n+", "\n\n", text).strip()


def notices(text: str) -> Iterator[str]:
    """Yield the copyright notices in the text of a licence."""
    for line in text.splitlines():
        notice = re.sub(r"\s+", " ", line.strip(" \t*#/"))
        if NOTICE.match(notice) and not NO_NOTICE.search(notice):
            yield notice.rstrip(",.")
