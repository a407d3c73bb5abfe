"""One running daemon as the host sees it: pid file, background, systemd."""
