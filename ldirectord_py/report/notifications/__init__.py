"""``notify`` and ``notifyurl``: events as JSON for a command or a webhook."""
