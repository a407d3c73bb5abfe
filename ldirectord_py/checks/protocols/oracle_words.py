"""The words that the Oracle process prints, one on a line; the last three are followed by a text."""

from __future__ import annotations

LOGGED_IN = "logged in"
UP = "up"
DOWN = "down"
REFUSED = "refused"
