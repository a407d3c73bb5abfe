"""The control socket: JSON over a Unix socket, for commands and programs. It knows nothing of directors."""
