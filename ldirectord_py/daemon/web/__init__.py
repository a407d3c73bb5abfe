"""The process of the page, as the daemon starts and keeps it."""
