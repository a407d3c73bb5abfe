"""``maintenancedir``: the directory, and the host names that its files may have."""
