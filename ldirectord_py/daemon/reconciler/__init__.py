"""Keeps the kernel's table in step with the configuration and with the health of the real servers."""
