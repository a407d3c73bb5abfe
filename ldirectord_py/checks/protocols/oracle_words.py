"""What the process that talks to Oracle says to the daemon, each on a line of its own, the last two with more."""

from __future__ import annotations

LOGGED_IN = "logged in"
UP = "up"
DOWN = "down"
