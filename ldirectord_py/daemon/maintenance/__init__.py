"""``maintenancedir``: the directory that is watched, and the names of its files."""
