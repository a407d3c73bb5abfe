"""``fork = yes``: checks in processes of their own."""
