"""``service = submission``: as smtp, on the port for submission."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind
from ldirectord_py.checks.services import smtp

KIND = Kind("submission", smtp.check, port=587, uses=smtp.KIND.uses)
