"""``service = none``: no check: always up."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("none", None)
