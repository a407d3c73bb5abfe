"""A running daemon as the host sees it: pid file, background process, systemd."""
