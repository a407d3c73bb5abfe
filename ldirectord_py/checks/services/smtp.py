"""``service = smtp``: the server greets."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("smtp", None, port=25)
