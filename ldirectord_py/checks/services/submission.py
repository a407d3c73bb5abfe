"""``service = submission``: as smtp, on the port for submission."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("submission", None, port=587)
