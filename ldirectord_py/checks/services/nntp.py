"""``service = nntp``: the greeting starts with 2."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("nntp", None, port=119)
