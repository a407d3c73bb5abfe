"""What operators do to servers: kept over reloads and restarts, and ended when its time is over."""
