"""The running daemon: the director and what drives it."""
