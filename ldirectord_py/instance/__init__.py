"""A running daemon as the host sees it: command line, pid file, background process, systemd."""
