"""``service = submission``: as smtp, on the port for submission."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind
from ldirectord_py.checks.services.smtp import check

KIND = Kind("submission", check, port=587)
