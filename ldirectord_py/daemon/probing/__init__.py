"""When checks are probed, and how many run at once."""
