"""``fork = yes``: checks run in worker processes."""
