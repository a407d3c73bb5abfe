"""The page and the metrics: a process of its own, without privileges, which asks the daemon over a control socket."""
