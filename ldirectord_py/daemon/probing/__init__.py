"""When checks are probed, and how many at once."""
