"""``service = sip``: OPTIONS is answered with 200."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind("sip", None, port=5060, login="ldirectord@{hostname}", uses=frozenset({"protocol", "login"}))
