"""JSON on one line, in valid UTF-8 whatever text is in it."""

from __future__ import annotations

import json
import re
from typing import Any

from ldirectord_py.runtime.text import escape

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def encode_json(value: Any) -> str:
    r"""Return a value as JSON without any line break; in its texts, bytes that were not UTF-8 are ``\xNN``."""
    return _UNSAFE.sub(_escape, _to_json(value))


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return "\\" + escape(character) if character >= "\ud800" else f"\\u{ord(character):04x}"
