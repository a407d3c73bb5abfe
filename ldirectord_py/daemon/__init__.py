"""The running daemon: the director, and the parts that call it."""
